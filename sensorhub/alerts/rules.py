"""Is a rule's condition met: comparators with hysteresis, hold and K of N.

A rule looks at each series (one measurement of one device) by itself, one
comparator per severity. `quiet_band` says for which values nothing would move,
so that the pipeline can skip most samples with one comparison of columns.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from math import inf, nextafter
from zoneinfo import ZoneInfo

from sensorhub.alerts.mean import Mean
from sensorhub.model import BY_NAME, Category, Severity
from sensorhub.rulebook import Rulebook, RuleSettings
from sensorhub.standards.clauses import NO_CLAUSES, Clauses
from sensorhub.standards.gas import ATMOSPHERE_KPA
from sensorhub.strict import WEEKDAYS

HOUR_MS = 3_600_000
LEAST_GAP_MS = 2 * HOUR_MS
QUIET = (-inf, inf)
NEVER_QUIET = (inf, -inf)
# what a forecast may ask of a fill, in the order in which the estimate tells them
CHANCES = ("due", "before_round", "overfull")
FILL = BY_NAME["fill_level"].no


@dataclass(frozen=True, slots=True)
class Limit:
    """One severity's raise and clear; of a forecast also which chance is meant."""

    severity: Severity
    raise_: float
    clear: float
    chance: int = 0


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
        """Worst severity that is active on this series.

        The levels of a forecast ask different things: a worse one shows only while
        the milder ones are active, too.
        """
        if rule.kind == "forecast":
            steps = takewhile(lambda pair: pair[1].active, self._pairs(rule))
            return max((x.severity for x, _ in steps), default=Severity.NONE)
        active = (x.severity for x, c in self._pairs(rule) if c.active)
        return max(active, default=Severity.NONE)

    def _pairs(self, rule: Rule) -> Iterator[tuple[Limit, Comparator]]:
        return zip(rule.limits, self.comparators, strict=True)

    def idle(self) -> bool:
        """Nothing active, nothing pending: need not be kept."""
        return not (self.changes or self.mean.times) and all(
            c.idle() and not c.active for c in self.comparators
        )

    def step(self, rule: Rule, value: float, at: int, gap: bool) -> None:
        """Take a sample; `gap`: the one before is further back than max gap."""
        self.forecast(rule, [value] * len(CHANCES), at, gap)

    def forecast(
        self, rule: Rule, chances: Sequence[float], at: int, gap: bool
    ) -> None:
        """Take the chances in the order of `CHANCES`: each limit looks at its own."""
        if gap:
            self.gap()
        may = rule.in_schedule(at)
        for limit, comparator in zip(rule.limits, self.comparators, strict=True):
            comparator.step(rule, limit, chances[limit.chance], at, may)

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
    if rule.kind == "forecast":
        return QUIET
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


def chance_band(rule: Rule, track: Track | None) -> list[tuple[float, float]]:
    """By chance the values low <= p < high that would not move `track`'s forecast."""
    bands = [QUIET for _ in CHANCES]
    for i, limit in enumerate(rule.limits):
        low, high = bands[limit.chance]
        comparator = track.comparators[i] if track else None
        if comparator is not None and not comparator.idle():
            return [NEVER_QUIET for _ in CHANCES]
        if comparator is not None and comparator.active:
            low = max(low, limit.clear)
        else:
            high = min(high, limit.raise_)
        bands[limit.chance] = low, high
    return bands
