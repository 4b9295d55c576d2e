"""Deposit rate by hour of the local week, and warped time derived from it.

Each warped day holds the same share of a week's usual deposits: nights are short in
it, busy afternoons long. There is one profile per population (assets of one kind);
`learning` provides the learnt ones.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.calendar import DAY_H, MONDAY_H, WEEK_H, DayCalendar
from sensorhub.estimate.hours import CrewHours

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
HOUR_MS = 3_600_000


def rough_week() -> F64:
    """The default week before anything is learnt: least at 3 h, most at 15 h."""
    hour = np.arange(WEEK_H) % 24 + 0.5
    return 1.0 - 0.7 * np.cos(2 * np.pi * (hour - 3) / 24)


class UsageProfiles:
    """The weeks of all populations; `shape[population, hour]`, each of mean 1."""

    def __init__(self, populations: int, calendar: DayCalendar | None = None) -> None:
        self.calendar = calendar or DayCalendar()
        self.shape = np.empty((populations, WEEK_H))
        self._sums = np.zeros((populations, WEEK_H + 1))
        self.crews = CrewHours(populations)
        self.settling = np.zeros(populations)  # share of the fill that sinks an hour
        self.persistence = np.zeros(
            populations, np.bool_
        )  # that use persistence forecasts
        self.take(np.tile(rough_week(), (populations, 1)), self.settling)

    def take(self, shape: F64, settling: F64) -> None:
        """Use these weeks from now on."""
        self.shape = shape / shape.mean(axis=1, keepdims=True)
        self._sums[:, 1:] = np.cumsum(self.shape, axis=1) / 24
        calendar, by_day = self.calendar, self._sums[:, ::DAY_H]
        whole = by_day[:, 1:] - by_day[:, :-1]
        beyond = np.cumsum(whole[:, calendar.like] - whole[:, calendar.own], axis=1)
        self._beyond = np.pad(beyond, ((0, 0), (1, 0)))
        self.settling = settling

    def warped(self, population: NDArray[np.intp], local_h: F64) -> F64:
        """Warped days since some Monday at local hours since 1970."""
        hours = local_h + MONDAY_H
        week = np.floor(hours / WEEK_H)
        within = hours - WEEK_H * week
        days = self._until(population, within, 7 * week)
        if len(self.calendar.days):
            days += self._special(population, local_h)
        return days

    def _until(
        self, population: NDArray[np.intp], hours: F64, start: F64 | float = 0.0
    ) -> F64:
        """Warped days since Monday at hours of the week, and `start`."""
        hour = hours.astype(np.intp)
        below = self._sums[population, hour]
        above = self._sums[population, hour + 1]
        days: F64 = start + below + (hours - hour) * (above - below)
        return days

    def _special(self, population: NDArray[np.intp], local_h: F64) -> F64:
        """Additional warped days of special days, compared with their weekdays."""
        day = np.floor(local_h / DAY_H).astype(np.int64)
        before, special = self.calendar.place(day)
        more: F64 = self._beyond[population, before].copy()
        if special.any():
            at = np.where(special, before, 0)
            hours = local_h - DAY_H * day
            for weekday, sign in ((self.calendar.like, 1), (self.calendar.own, -1)):
                begin: F64 = (weekday[at] * DAY_H).astype(np.float64)
                part = self._until(population, begin + hours)
                part -= self._until(population, begin)
                more += np.where(special, sign * part, 0.0)
        return more


def local_hours(at: I64, offset_ms: int | I64) -> F64:
    """Local hours since 1970 of times in ms UTC."""
    found: F64 = (at + offset_ms) / HOUR_MS
    return found


class TimeZone:
    """A town's time zone."""

    def __init__(self, name: str) -> None:
        self._zone = ZoneInfo(name)

    def offset(self, at: int) -> int:
        """Local time less UTC at a time (ms), ms."""
        there = datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone)
        offset = there.utcoffset()
        return int(offset.total_seconds() * 1000) if offset else 0

    def offsets(self, at: I64) -> I64:
        """The same at each of many times, by the hour."""
        hours, which = np.unique(at // HOUR_MS, return_inverse=True)
        found = [self.offset(int(hour) * HOUR_MS) for hour in hours]
        return np.array(found, np.int64)[which]
