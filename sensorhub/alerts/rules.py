"""Is a rule's condition met: comparators with hysteresis, hold and K of N.

A rule looks at each series (one measurement of one device) by itself, one
comparator per severity. `quiet_band` says for which values nothing would move,
so that the pipeline can skip most samples with one comparison of columns.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf, nextafter
from zoneinfo import ZoneInfo

from sensorhub.alerts.mean import Mean
from sensorhub.model import BY_NAME, Category, Severity
from sensorhub.rulebook import WEEKDAYS, Rulebook, RuleSettings
from sensorhub.standards.clauses import NO_CLAUSES, Clauses
from sensorhub.standards.gas import ATMOSPHERE_KPA

HOUR_MS = 3_600_000
LEAST_GAP_MS = 2 * HOUR_MS
QUIET = (-inf, inf)
NEVER_QUIET = (inf, -inf)


@dataclass(frozen=True, slots=True)
class Limit:
    """One severity's raise and clear."""

    severity: Severity
    raise_: float
    clear: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule ready to evaluate; `limits` rise in severity."""

    id: str
    settings: RuleSettings
    kind: str
    category: Category
    code: int  # measurement number, 0 where the rule has none
    limits: tuple[Limit, ...]
    above: bool
    hold: int
    clear_hold: int
    max_gap: int | None
    k: int
    n: int
    zone: ZoneInfo
    over: int = 0  # window of the mean that is judged, ms; 0: each sample
    clauses: Clauses = NO_CLAUSES

    def admits(self, tags: Collection[str]) -> bool:
        """Whether the limits that it names hold for an asset with these tags."""
        return self.clauses.admits(tags)

    @property
    def judged(self) -> str:
        """How values are judged: those kept for a mean fit no other way."""
        return f"{self.over} ms {self.clauses.unit}"

    def max_gap_for(self, interval_ms: int) -> int:
        """Longest time between two samples across which a hold goes on, ms."""
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
        """The first time (ms) from `at` on at which the rule may raise."""
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
    """Rules ready to evaluate, in the order of the book; `kpa`: the town's air."""
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
        Limit(
            Severity[level.severity.upper()],
            level.raise_,
            level.raise_ if level.clear is None else level.clear,
        )
        for level in settings.levels
    ]
    schedule = settings.schedule
    return Rule(
        id=settings.id,
        settings=settings,
        kind=settings.kind,
        category=settings.category,
        code=BY_NAME[settings.measurement].no if settings.measurement else 0,
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


class Comparator:
    """One severity on one series. Times are measured_at in ms."""

    __slots__ = ("active", "bits", "clear_since", "since")

    def __init__(self) -> None:
        self.active = False
        self.since: int | None = None
        self.clear_since: int | None = None
        self.bits = 0

    def idle(self) -> bool:
        """Nothing pending: only a value beyond a limit can move it."""
        return self.since is None and self.clear_since is None and not self.bits

    def step(self, rule: Rule, limit: Limit, value: float, at: int, may: bool) -> None:
        """Take one sample. `may` is false outside the rule's schedule."""
        above = rule.above
        met = may and (value >= limit.raise_ if above else value <= limit.raise_)
        if rule.n > 1:
            self.bits = ((self.bits << 1) | met) & ((1 << rule.n) - 1)
            met = self.bits.bit_count() >= rule.k
        if self.active:
            clear = value < limit.clear if above else value > limit.clear
            self._clearing(rule, clear and not met, at)
        elif not met:
            self.since = None
        else:
            if self.since is None:
                self.since = at
            if at - self.since >= rule.hold:
                self.active, self.since = True, None

    def _clearing(self, rule: Rule, clear: bool, at: int) -> None:
        if not clear:
            self.clear_since = None
            return
        if self.clear_since is None:
            self.clear_since = at
        if at - self.clear_since >= rule.clear_hold:
            self.active, self.clear_since, self.bits = False, None, 0

    def gap(self) -> None:
        """The series was away for longer than max gap: holds start anew."""
        self.since = self.clear_since = None
        self.bits = 0


class Track:
    """One rule on one series: a comparator per limit, and when it changed.

    `changes` are sample numbers of the series at which the level moved; the
    flap guard reads them. `mean` holds the samples of the window, where the rule
    judges a mean.
    """

    __slots__ = ("changes", "comparators", "mean")

    def __init__(self, limits: int) -> None:
        self.comparators = tuple(Comparator() for _ in range(limits))
        self.changes: list[int] = []
        self.mean = Mean()

    def level(self, rule: Rule) -> Severity:
        """Worst severity that is active on this series."""
        for limit, comparator in zip(
            reversed(rule.limits), reversed(self.comparators), strict=True
        ):
            if comparator.active:
                return limit.severity
        return Severity.NONE

    def idle(self) -> bool:
        """Nothing active, nothing pending: need not be kept."""
        return not (self.changes or self.mean.times) and all(
            c.idle() and not c.active for c in self.comparators
        )

    def step(self, rule: Rule, value: float, at: int, gap: bool) -> None:
        """Take a sample; `gap`: the one before is further back than max gap."""
        if gap:
            self.gap()
        may = rule.in_schedule(at)
        for limit, comparator in zip(rule.limits, self.comparators, strict=True):
            comparator.step(rule, limit, value, at, may)

    def gap(self) -> None:
        """Holds start anew; what is active stays so."""
        for comparator in self.comparators:
            comparator.gap()

    def reset(self) -> None:
        """Forget what is active or pending (a service was done)."""
        for comparator in self.comparators:
            comparator.active = False
            comparator.gap()


def quiet_band(rule: Rule, track: Track | None) -> tuple[float, float]:
    """Values low <= v < high that would not move `track` (None: at rest)."""
    if rule.kind != "threshold" or rule.over:
        return NEVER_QUIET
    low, high = QUIET
    for i, limit in enumerate(rule.limits):
        comparator = track.comparators[i] if track else None
        if comparator is not None and not comparator.idle():
            return NEVER_QUIET
        active = comparator is not None and comparator.active
        if rule.above:
            low, high = (
                (max(low, limit.clear), high)
                if active
                else (low, min(high, limit.raise_))
            )
        elif active:
            high = min(high, nextafter(limit.clear, inf))
        else:
            low = max(low, nextafter(limit.raise_, inf))
    return rule.clauses.quiet(low, high)
