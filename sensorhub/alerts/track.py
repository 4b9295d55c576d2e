"""A rule on a series: comparators with hysteresis, hold and K of N, and what is quiet.

A rule looks at each series (one measurement of one device) by itself, one comparator
per severity. The quiet bands say for which values nothing would move, so that the
pipeline can skip most samples with one comparison of columns.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from math import inf, nextafter

from sensorhub.alerts.mean import Mean
from sensorhub.alerts.rules import CHANCES, Limit, Rule
from sensorhub.model import Severity

QUIET = (-inf, inf)
NEVER_QUIET = (inf, -inf)


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
