"""Rules of kind group: the share of a group's devices that send no data.

A group is a zone or the devices of a gateway. Limits count monitored time, as those of
`no_data`. Devices that have sent nothing for a day longer than their limit are faults
of their own and no part of an outage that begins.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.alerts.timers import FAR, no_data_limit
from sensorhub.model import Severity

OLD_FAULT_MS = 24 * HOUR_MS  # beyond the limit of a device


class GroupShare(NamedTuple):
    """How much of a group is silent: percent, the silent devices, of how many."""

    group: int
    percent: float
    silent: NDArray[np.intp]
    of: int


class GroupNoData:
    """One group rule; the devices of `selected` assets count.

    `group` is by device the number of its gateway or zone (0: it does not count),
    `quiet` how long it has sent nothing (ms of monitored time); `open_` are the groups
    with an open alert.
    """

    def __init__(
        self, rule: Rule, interval_ms: NDArray[np.int64], selected: NDArray[np.bool_]
    ) -> None:
        self.rule = rule
        self.selected = selected
        self._interval_ms = interval_ms

    @property
    def limit(self) -> NDArray[np.int64]:
        """Longest time without data by device, ms."""
        return no_data_limit(self.rule, self._interval_ms)

    def shares(
        self,
        group: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> list[GroupShare]:
        """Return the shares of groups with enough silent devices or an open alert."""
        limit = self.limit
        silent = (group > 0) & (quiet > limit)
        if not open_ and silent.sum() < self.rule.settings.least:
            return []
        out = np.array(sorted(open_), np.int32)
        counts = (quiet <= limit + OLD_FAULT_MS) | np.isin(group, out)
        group = np.where(counts, group, 0)
        size = int(max(group.max(initial=0), out.max(initial=0))) + 1
        of = np.bincount(group, minlength=size)
        found = np.bincount(group[silent], minlength=size)
        found[0] = 0
        enough = np.flatnonzero(found >= self.rule.settings.least).tolist()
        return [
            GroupShare(
                number,
                100 * int(found[number]) / max(int(of[number]), 1),
                np.flatnonzero(silent & (group == number)),
                int(of[number]),
            )
            for number in sorted({*enough, *open_})
        ]

    def level(self, share: GroupShare, before: Severity) -> Severity:
        """Return the severity of a share whose severity was `before`.

        It clears below the clear limit, and where hardly any device is left because
        the others moved to another group.
        """
        found, least = Severity.NONE, self.rule.settings.least
        silent = len(share.silent)
        for limit in self.rule.limits:
            raised = share.percent >= limit.raise_ and silent >= least
            stays = share.percent >= limit.clear and 2 * silent >= least
            if raised or (limit.severity <= before and stays):
                found = limit.severity
        return found

    def raises_in(
        self,
        group: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> int:
        """Return in how long (ms) the next group may be out, without uplinks."""
        limit = self.limit
        counts = (group > 0) & (quiet <= limit + OLD_FAULT_MS)
        counts &= ~np.isin(group, np.array(sorted(open_), np.int32))
        where, left = group[counts], (limit - quiet)[counts]
        order = np.lexsort((left, where))
        where, left = where[order], left[order]
        starts = np.flatnonzero(np.r_[True, where[1:] != where[:-1]][: len(where)])
        sizes = np.diff(np.r_[starts, len(where)])
        share = self.rule.limits[0].raise_ / 100
        need = np.maximum(np.ceil(share * sizes), self.rule.settings.least).astype(int)
        able = need <= sizes
        turns = left[(starts + need - 1)[able]]
        return int(turns[turns >= 0].min(initial=FAR))

    def grows_in(
        self,
        group: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> int:
        """Return in how long (ms) one more device of a group that is out is silent."""
        left = (self.limit - quiet)[np.isin(group, np.array(sorted(open_), np.int32))]
        return int(left[left >= 0].min(initial=FAR))
