"""Rounds by local time of the week: time to the next and since the last one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.calendar import MONDAY_H, WEEK_H

F64 = NDArray[np.float64]
NO_PLAN = 0


class RoundPlans:
    """Weeks of rounds by number; number 0 has none. Times in hours since Monday 0 h."""

    def __init__(self, plans: Sequence[Sequence[float]] = ()) -> None:
        most = max((len(plan) for plan in plans), default=1)
        self._times = np.full((1 + len(plans), most), np.nan)
        for number, plan in enumerate(plans, 1):
            self._times[number, : len(plan)] = sorted(plan)

    def next_in(self, plan: NDArray[np.intp], local_h: F64) -> F64:
        """Hours until the next round after a local hour since 1970; inf for none."""
        if not plan.any():
            return np.full(len(plan), np.inf)
        times, now = self._times[plan], self._within(local_h)
        wait = np.where(times > now, times, times + WEEK_H) - now
        first: F64 = np.fmin.reduce(wait, axis=1, initial=np.inf)
        return first

    def last_ago(self, plan: NDArray[np.intp], local_h: F64) -> F64:
        """Hours since the last round until a local hour since 1970; inf for none."""
        if not plan.any():
            return np.full(len(plan), np.inf)
        times, now = self._times[plan], self._within(local_h)
        ago = now - np.where(times <= now, times, times - WEEK_H)
        last: F64 = np.fmin.reduce(ago, axis=1, initial=np.inf)
        return last

    @staticmethod
    def _within(local_h: F64) -> F64:
        return ((local_h + MONDAY_H) % WEEK_H)[:, None]
