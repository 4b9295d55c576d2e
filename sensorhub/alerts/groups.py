"""Rules of kind group: the share of a zone or of a gateway's devices that is silent.

Silence counts covered time, as for `no_data`. Devices that fell silent long before
are somebody's single troubles and no part of an outage that begins.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.alerts.timers import FAR, silence_limit
from sensorhub.model import Severity

LONG_MS = 24 * HOUR_MS


class Share(NamedTuple):
    """How much of a place is silent: percent, the silent devices, of how many."""

    place: int
    percent: float
    silent: NDArray[np.intp]
    of: int


class Group:
    """One group rule; `selected` assets count."""

    def __init__(
        self, rule: Rule, interval_ms: NDArray[np.int64], selected: NDArray[np.bool_]
    ) -> None:
        self.rule = rule
        self.selected = selected
        self._interval_ms = interval_ms

    @property
    def limit(self) -> NDArray[np.int64]:
        """Longest silence by device, ms."""
        return silence_limit(self.rule, self._interval_ms)

    def shares(
        self,
        place: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> list[Share]:
        """Places that an alert may be about, and those of which one is `open_`.

        By device: its place (0: not counted) and how long it was quiet, ms.
        """
        limit = self.limit
        silent = (place > 0) & (quiet > limit)
        if not open_ and silent.sum() < self.rule.settings.least:
            return []
        outs = np.array(sorted(open_), np.int32)
        counts = (quiet <= limit + LONG_MS) | np.isin(place, outs)
        place = np.where(counts, place, 0)
        size = int(max(place.max(initial=0), outs.max(initial=0))) + 1
        of = np.bincount(place, minlength=size)
        fell = np.bincount(place[silent], minlength=size)
        fell[0] = 0
        enough = np.flatnonzero(fell >= self.rule.settings.least).tolist()
        return [
            Share(
                number,
                100 * int(fell[number]) / max(int(of[number]), 1),
                np.flatnonzero(silent & (place == number)),
                int(of[number]),
            )
            for number in sorted({*enough, *open_})
        ]

    def level(self, share: Share, now: Severity) -> Severity:
        """What a share shows where it showed `now` before.

        It ends by the clear limit, and where devices have gone elsewhere and hardly
        any is left.
        """
        found, least = Severity.NONE, self.rule.settings.least
        silent = len(share.silent)
        for limit in self.rule.limits:
            raised = share.percent >= limit.raise_ and silent >= least
            stays = share.percent >= limit.clear and 2 * silent >= least
            if raised or (limit.severity <= now and stays):
                found = limit.severity
        return found

    def due_in(
        self,
        place: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> int:
        """In how long (ms) the next place may be silent, if nobody speaks."""
        limit = self.limit
        counts = (place > 0) & (quiet <= limit + LONG_MS)
        counts &= ~np.isin(place, np.array(sorted(open_), np.int32))
        where, left = place[counts], (limit - quiet)[counts]
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
        place: NDArray[np.int32],
        quiet: NDArray[np.int64],
        open_: Collection[int],
    ) -> int:
        """In how long (ms) one more device of a place that is out may be silent."""
        left = (self.limit - quiet)[np.isin(place, np.array(sorted(open_), np.int32))]
        return int(left[left >= 0].min(initial=FAR))
