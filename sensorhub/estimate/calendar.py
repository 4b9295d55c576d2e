"""Days that are like another day of the week: holidays, weekends that are worked."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
WEEK_H, DAY_H = 168, 24
MONDAY_H = 72  # 1970-01-01 was a Thursday


class DayCalendar:
    """`like`: weekdays (0 is Monday) by local day since 1970; others are their own."""

    def __init__(self, like: Mapping[int, int] | None = None) -> None:
        like = like or {}
        self.days: I64 = np.array(sorted(like), np.int64)
        self.like: I64 = np.array([like[day] for day in sorted(like)], np.int64)
        self.own: I64 = (self.days + MONDAY_H // DAY_H) % 7

    def place(self, day: I64) -> tuple[I64, NDArray[np.bool_]]:
        """How many of its days come before each of `day`, and which is one of them."""
        before = np.searchsorted(self.days, day)
        last = np.minimum(before, len(self.days) - 1)
        return before, self.days[last] == day

    def hour_of_week(self, hour: I64) -> NDArray[np.intp]:
        """The hour since Monday 0 h that each local hour since 1970 is like."""
        found = (hour + MONDAY_H) % WEEK_H
        if len(self.days):
            before, special = self.place(hour // DAY_H)
            at = np.where(special, before, 0)
            found = np.where(special, self.like[at] * DAY_H + hour % DAY_H, found)
        return found.astype(np.intp)
