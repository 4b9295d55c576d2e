"""Rules that time decides: a device sends no data, a service of an asset is overdue.

No data counts monitored time only: time in which the hub was connected and had drained
its backlog. Overdue counts plain time since the last service.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.model import NEVER, Severity

FAR = 2**62


def no_data_limit(rule: Rule, interval_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the longest time without data by device, ms.

    Devices may report another interval than their profile has.
    """
    settings = rule.settings
    limit = np.maximum(interval_ms * settings.intervals, float(settings.at_least))
    whole: NDArray[np.int64] = limit.astype(np.int64)
    return whole


class NoData:
    """One no_data rule over all devices; `flagged` are those over the limit."""

    def __init__(self, rule: Rule, interval_ms: NDArray[np.int64]) -> None:
        self.rule = rule
        self._interval_ms = interval_ms
        self.flagged = np.zeros(len(interval_ms), np.bool_)

    @property
    def limit(self) -> NDArray[np.int64]:
        """Longest time without data by device, ms."""
        return no_data_limit(self.rule, self._interval_ms)

    def flag_over_limit(
        self,
        monitored_ms: int,
        monitored_at: NDArray[np.int64],
        exempt: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.intp]:
        """Flag devices that are over the limit; return those that were not flagged.

        `monitored_at`: the monitored time at each device's last uplink, ms.
        """
        new = monitored_ms - monitored_at > self.limit
        new &= ~self.flagged & (monitored_at != NEVER)
        if exempt is not None:
            new &= ~exempt
        self.flagged |= new
        return np.flatnonzero(new)

    def unflag_heard(self, device: NDArray[np.int32]) -> list[int]:
        """Unflag devices that sent an uplink; return those that were flagged."""
        back = device[self.flagged[device]]
        if not len(back):
            return []
        self.flagged[back] = False
        return sorted(set(back.tolist()))


class Overdue:
    """One overdue rule over all assets; its limits are hours since the last service."""

    def __init__(self, rule: Rule, selected: NDArray[np.bool_]) -> None:
        self.rule = rule
        self.selected = selected
        self.level = np.zeros(len(selected), np.int8)

    def raise_levels(
        self, now: int, service_at: NDArray[np.int64], watched: NDArray[np.bool_]
    ) -> Iterator[tuple[int, Severity, int]]:
        """Raise levels; yield each asset with its severity and deadline (ms).

        Only assets that are `watched` now and whose service clock was ever started.
        """
        known = self.selected & watched & (service_at != NEVER)
        for limit in self.rule.limits:
            deadline = service_at + int(limit.raise_ * HOUR_MS)
            over = known & (now > deadline) & (self.level < limit.severity)
            for asset in np.flatnonzero(over).tolist():
                self.level[asset] = limit.severity
                yield asset, limit.severity, int(deadline[asset])

    def lower_level(self, asset: int, service_at: int, now: int) -> Severity | None:
        """Return the level of an asset after a service; None where it stays."""
        level = Severity.NONE
        for limit in self.rule.limits:
            if now > service_at + int(limit.raise_ * HOUR_MS):
                level = limit.severity
        if level >= self.level[asset]:
            return None
        self.level[asset] = level
        return level
