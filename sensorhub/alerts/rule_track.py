"""A rule on a series: comparators with hysteresis, hold and K of N.

A rule evaluates each series (one measurement of one device) by itself, with one
comparator per severity. The no-change range holds the values that would change nothing,
so that most samples are skipped by one comparison of columns.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from math import inf, nextafter

from sensorhub.alerts.rolling_mean import RollingMean
from sensorhub.alerts.rules import CHANCES, Rule, SeverityLimit
from sensorhub.model import Severity

ANY_VALUE = (-inf, inf)
NO_VALUE = (inf, -inf)


class Comparator:
    """One severity on one series. Times are measured_at in ms.

    `since`: when the hold began; `clear_since`: when the hold for clearing began.
    `bits`: whether it was met, of the last N samples.
    """

    __slots__ = ("active", "bits", "clear_since", "since")

    def __init__(self) -> None:
        self.active = False
        self.since: int | None = None
        self.clear_since: int | None = None
        self.bits = 0

    def is_idle(self) -> bool:
        """Whether nothing is pending: only a value beyond a limit changes it."""
        return self.since is None and self.clear_since is None and not self.bits

    def evaluate(
        self,
        rule: Rule,
        limit: SeverityLimit,
        value: float,
        at: int,
        scheduled: bool,
    ) -> None:
        """Evaluate a sample; outside its schedule a rule raises nothing."""
        above = rule.above
        met = scheduled and (value >= limit.raise_ if above else value <= limit.raise_)
        if rule.n > 1:
            self.bits = ((self.bits << 1) | met) & ((1 << rule.n) - 1)
            met = self.bits.bit_count() >= rule.k
        if self.active:
            clear = value < limit.clear if above else value > limit.clear
            self._evaluate_clear(rule, clear and not met, at)
        elif not met:
            self.since = None
        else:
            if self.since is None:
                self.since = at
            if at - self.since >= rule.hold:
                self.active, self.since = True, None

    def _evaluate_clear(self, rule: Rule, clear: bool, at: int) -> None:
        if not clear:
            self.clear_since = None
            return
        if self.clear_since is None:
            self.clear_since = at
        if at - self.clear_since >= rule.clear_hold:
            self.active, self.clear_since, self.bits = False, None, 0

    def restart_holds(self) -> None:
        """Start holds anew, after a gap longer than max gap."""
        self.since = self.clear_since = None
        self.bits = 0


class RuleTrack:
    """The state of one rule on one series: a comparator per limit, and its changes.

    `changes` are the sample numbers of the series at which the level changed, for flap
    detection. `mean` holds the samples of the window, if the rule compares a mean.
    """

    __slots__ = ("changes", "comparators", "mean")

    def __init__(self, limits: int) -> None:
        self.comparators = tuple(Comparator() for _ in range(limits))
        self.changes: list[int] = []
        self.mean = RollingMean()

    def level(self, rule: Rule) -> Severity:
        """Return the worst severity that is active on this series.

        The levels of a forecast compare different chances: a worse one counts only
        while the milder ones are active, too.
        """
        if rule.kind == "forecast":
            steps = takewhile(lambda pair: pair[1].active, self._pairs(rule))
            return max((x.severity for x, _ in steps), default=Severity.NONE)
        active = (x.severity for x, c in self._pairs(rule) if c.active)
        return max(active, default=Severity.NONE)

    def _pairs(self, rule: Rule) -> Iterator[tuple[SeverityLimit, Comparator]]:
        return zip(rule.limits, self.comparators, strict=True)

    def is_idle(self) -> bool:
        """Whether nothing is active or pending: it need not be kept."""
        return not (self.changes or self.mean.times) and all(
            c.is_idle() and not c.active for c in self.comparators
        )

    def evaluate(self, rule: Rule, value: float, at: int, gap: bool) -> None:
        """Evaluate a sample; `gap`: the one before is further back than max gap."""
        self.evaluate_chances(rule, [value] * len(CHANCES), at, gap)

    def evaluate_chances(
        self, rule: Rule, chances: Sequence[float], at: int, gap: bool
    ) -> None:
        """Evaluate chances in the order of `CHANCES`: each limit compares its own."""
        if gap:
            self.restart_holds()
        scheduled = rule.in_schedule(at)
        for limit, comparator in zip(rule.limits, self.comparators, strict=True):
            comparator.evaluate(rule, limit, chances[limit.chance], at, scheduled)

    def restart_holds(self) -> None:
        """Start holds anew; what is active stays active."""
        for comparator in self.comparators:
            comparator.restart_holds()

    def reset(self) -> None:
        """Forget what is active or pending, after a service."""
        for comparator in self.comparators:
            comparator.active = False
            comparator.restart_holds()


def no_change_range(rule: Rule, track: RuleTrack | None) -> tuple[float, float]:
    """Return low and high: values low <= v < high would not change `track`.

    `track` None: nothing is active or pending.
    """
    if rule.kind == "forecast":
        return ANY_VALUE
    if rule.kind != "threshold" or rule.over:
        return NO_VALUE
    low, high = ANY_VALUE
    for i, limit in enumerate(rule.limits):
        comparator = track.comparators[i] if track else None
        if comparator is not None and not comparator.is_idle():
            return NO_VALUE
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
    return rule.clauses.no_change_range(low, high)


def no_change_chances(rule: Rule, track: RuleTrack | None) -> list[tuple[float, float]]:
    """Return by chance low and high: chances between them would not change `track`."""
    ranges = [ANY_VALUE for _ in CHANCES]
    for i, limit in enumerate(rule.limits):
        low, high = ranges[limit.chance]
        comparator = track.comparators[i] if track else None
        if comparator is not None and not comparator.is_idle():
            return [NO_VALUE for _ in CHANCES]
        if comparator is not None and comparator.active:
            low = max(low, limit.clear)
        else:
            high = min(high, limit.raise_)
        ranges[limit.chance] = low, high
    return ranges
