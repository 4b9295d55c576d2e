"""Rules that time decides: no data of a device, service overdue at an asset.

Silence counts covered time only: time in which the hub was connected and had
drained its backlog. Overdue counts plain time since the last service.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.model import NEVER, Severity

FAR = 2**62


def silence_limit(rule: Rule, interval_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Longest silence by device, ms; devices may tell another interval."""
    settings = rule.settings
    limit = np.maximum(interval_ms * settings.intervals, float(settings.at_least))
    whole: NDArray[np.int64] = limit.astype(np.int64)
    return whole


class NoData:
    """One no_data rule over all devices: limits, and who is over them now."""

    def __init__(self, rule: Rule, interval_ms: NDArray[np.int64]) -> None:
        self.rule = rule
        self._interval_ms = interval_ms
        self.flagged = np.zeros(len(interval_ms), np.bool_)

    @property
    def limit(self) -> NDArray[np.int64]:
        """Longest silence by device, ms."""
        return silence_limit(self.rule, self._interval_ms)

    def over(
        self,
        covered: int,
        covered_at: NDArray[np.int64],
        excused: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.intp]:
        """Devices that went silent since the last look; they are flagged."""
        new = (
            (covered - covered_at > self.limit) & ~self.flagged & (covered_at != NEVER)
        )
        if excused is not None:
            new &= ~excused
        self.flagged |= new
        return np.flatnonzero(new)

    def heard(self, device: NDArray[np.int32]) -> list[int]:
        """Flagged devices among those that just spoke; no longer flagged."""
        back = device[self.flagged[device]]
        if not len(back):
            return []
        self.flagged[back] = False
        return sorted(set(back.tolist()))


class Overdue:
    """One overdue rule over all assets: its limits in hours since service."""

    def __init__(self, rule: Rule, selected: NDArray[np.bool_]) -> None:
        self.rule = rule
        self.selected = selected
        self.level = np.zeros(len(selected), np.int8)

    def moved(
        self, now: int, service_at: NDArray[np.int64], watched: NDArray[np.bool_]
    ) -> Iterator[tuple[int, Severity, int]]:
        """Assets whose level rose: (asset, severity, deadline in ms).

        Only assets that are `watched` now and whose clock was ever started.
        """
        known = self.selected & watched & (service_at != NEVER)
        for limit in self.rule.limits:
            deadline = service_at + int(limit.raise_ * HOUR_MS)
            over = known & (now > deadline) & (self.level < limit.severity)
            for asset in np.flatnonzero(over).tolist():
                self.level[asset] = limit.severity
                yield asset, limit.severity, int(deadline[asset])

    def served(self, asset: int, service_at: int, now: int) -> Severity | None:
        """A service was done: the asset's level after it, None where it stays."""
        level = Severity.NONE
        for limit in self.rule.limits:
            if now > service_at + int(limit.raise_ * HOUR_MS):
                level = limit.severity
        if level >= self.level[asset]:
            return None
        self.level[asset] = level
        return level
