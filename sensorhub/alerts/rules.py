"""Alert rules ready to evaluate: limits, schedule, the assets that they select."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sensorhub.config.schema import WEEKDAYS
from sensorhub.model import BY_NAME, FILL, Category, Severity
from sensorhub.rules.schema import Rulebook, RuleSettings
from sensorhub.standards.clauses import NO_CLAUSES, Clauses
from sensorhub.standards.gas import ATMOSPHERE_KPA

HOUR_MS = 3_600_000
LEAST_GAP_MS = 2 * HOUR_MS
# chances that a forecast rule may compare, in the order of the estimate
CHANCES = ("due", "before_round", "overfull", "soon")


@dataclass(frozen=True, slots=True)
class SeverityLimit:
    """Raise and clear limit of one severity; of a forecast the chance to compare."""

    severity: Severity
    raise_: float
    clear: float
    chance: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to evaluate; `limits` are sorted by severity."""

    id: str
    settings: RuleSettings
    kind: str
    category: Category
    code: int  # measurement number, 0 where the rule has none
    limits: tuple[SeverityLimit, ...]
    above: bool
    hold: int
    clear_hold: int
    max_gap: int | None
    k: int
    n: int
    zone: ZoneInfo
    over: int = 0  # window of the mean that is compared, ms; 0: each sample
    clauses: Clauses = NO_CLAUSES

    def admits(self, tags: Collection[str]) -> bool:
        """Whether the standards that it names apply to an asset with these tags."""
        return self.clauses.admits(tags)

    @property
    def judged(self) -> str:
        """Key of what is compared: samples stored for a mean fit only the same key."""
        return f"{self.over} ms {self.clauses.unit}"

    def max_gap_for(self, interval_ms: int) -> int:
        """Return the longest time between two samples of one hold, ms."""
        if self.max_gap is not None:
            return self.max_gap
        return max(3 * interval_ms, LEAST_GAP_MS)

    def in_schedule(self, at: int) -> bool:
        """Whether the rule may raise at `at` (ms)."""
        schedule = self.settings.schedule
        if schedule is None:
            return True
        local = datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone)
        clock, day = local.time(), local.weekday()
        start, end = schedule.from_, schedule.until
        if start < end or end.isoformat() == "00:00:00":
            inside = clock >= start and (clock < end or end <= start)
        elif clock < end:  # over midnight: the evening before counts
            inside, day = True, (day - 1) % 7
        else:
            inside = clock >= start
        return inside and WEEKDAYS[day] in schedule.weekdays

    def opens_at(self, at: int) -> int:
        """Return the first time (ms) from `at` on at which the rule may raise."""
        if self.in_schedule(at):
            return at
        schedule = self.settings.schedule
        assert schedule is not None
        local = datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone)
        for day in range(9):
            date = local.date() + timedelta(days=day)
            begin = datetime.combine(date, schedule.from_, self.zone)
            opens = int(begin.timestamp() * 1000)
            if opens >= at and WEEKDAYS[date.weekday()] in schedule.weekdays:
                return opens
        raise AssertionError("a schedule has a weekday")


def compile_rules(
    book: Rulebook, timezone: str, kpa: float = ATMOSPHERE_KPA
) -> tuple[Rule, ...]:
    """Compile rules, in the order of the book; `kpa`: the air pressure of the town."""
    return tuple(_compile(settings, timezone, book, kpa) for settings in book.rules)


def _clauses(settings: RuleSettings, book: Rulebook, kpa: float) -> Clauses:
    named = {
        Severity[level.severity.upper()]: limit
        for level in settings.levels
        if (limit := book.limit(level)) is not None
    }
    return Clauses.of(named, settings.over, book.standards.sensors, kpa)


def _compile(settings: RuleSettings, timezone: str, book: Rulebook, kpa: float) -> Rule:
    clauses = _clauses(settings, book, kpa)
    limits = [
        SeverityLimit(
            Severity[level.severity.upper()],
            level.raise_,
            level.raise_ if level.clear is None else level.clear,
            CHANCES.index(level.chance or "due"),
        )
        for level in settings.levels
    ]
    schedule = settings.schedule
    return Rule(
        id=settings.id,
        settings=settings,
        kind=settings.kind,
        category=settings.category,
        code=_code(settings),
        limits=tuple(sorted(limits, key=lambda limit: limit.severity)),
        above=settings.direction == "above",
        hold=settings.hold,
        clear_hold=settings.clear_hold,
        max_gap=settings.max_gap,
        k=settings.k,
        n=settings.n,
        zone=ZoneInfo((schedule and schedule.timezone) or timezone),
        over=clauses.window if settings.over is None else settings.over,
        clauses=clauses,
    )


def _code(settings: RuleSettings) -> int:
    if settings.kind == "forecast":
        return FILL
    return BY_NAME[settings.measurement].no if settings.measurement else 0
