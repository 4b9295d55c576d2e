"""Weights of the hours of a day at which crews come, as learnt by `crews`. Pure."""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
DAY_H = 24
SHORT_H = 4.0
PLAIN = 2.0  # an hour of a bracket stands out that has so many times the mean


class CrewHours:
    """The hours of a day by population, of mean 1."""

    def __init__(self, populations: int) -> None:
        self.take(np.ones((populations, DAY_H)))

    def take(self, shape: F64) -> None:
        """Use these hours from now on."""
        self.shape = shape / shape.mean(axis=1, keepdims=True)
        zero = np.zeros((len(shape), 1))
        self._sums = np.hstack((zero, np.cumsum(self.shape, axis=1)))
        middle = self._sums[:, :-1] + self.shape / 2
        self._areas = np.hstack((zero, np.cumsum(middle, axis=1)))
        self.plain = self.shape.max(axis=1) >= PLAIN  # populations with such hours
        self._waits = self._waits_at_hours()

    def _waits_at_hours(self) -> F64:
        """By population and hour of the day, from its begin on: in how many hours half
        of the visits of the next 24 h are over."""
        begin = self._sums[:, :DAY_H]
        two_days = np.hstack((begin, begin + DAY_H))
        edges = np.arange(2.0 * DAY_H)
        return np.array(
            [
                np.interp(sums[:DAY_H] + DAY_H / 2, sums, edges) - edges[:DAY_H]
                for sums in two_days
            ]
        )

    def wait(self, population: NDArray[np.intp], local_h: F64) -> F64:
        """In how many hours a crew has come as likely as not, if one comes within a
        day; one of this hour may come until the hour is over.

        `local_h`: local hours since 1970.
        """
        within = local_h % DAY_H
        hour = within.astype(np.intp)
        part = within - hour
        found: F64 = np.maximum(self._waits[population, hour] - part, (1 - part) / 2)
        return found

    def weighed(self, population: NDArray[np.intp], local_h: F64) -> tuple[F64, F64]:
        """Hours weighed by how likely a crew comes in them, and their integral, both
        from a midnight to `local_h` hours after it."""
        day = np.floor(local_h / DAY_H)
        within = local_h - DAY_H * day
        hour = within.astype(np.intp)
        part, rate = within - hour, self.shape[population, hour]
        below = self._sums[population, hour]
        sums = DAY_H * day + below + part * rate
        areas = self._areas[population, hour] + part * (below + part * rate / 2)
        whole = self._areas[population, DAY_H]
        areas += DAY_H * day * within + day * whole + DAY_H**2 * day * (day - 1) / 2
        return sums, areas

    def between(
        self, population: NDArray[np.intp], begin: F64, end: F64
    ) -> tuple[F64, F64]:
        """Of gaps in local hours: the hours in them by weight, and the mean time from
        a crew's visit to the end of the gap."""
        midnight = DAY_H * np.floor(begin / DAY_H)
        low, area_low = self.weighed(population, begin - midnight)
        high, area_high = self.weighed(population, end - midnight)
        hours = np.maximum(high - low, 1e-9)
        since = (area_high - area_low - low * (end - begin)) / hours
        return hours, np.clip(since, 0, end - begin)

    def ago(self, population: int, end: float, hours: float) -> float:
        """How long before the end of a bracket (local hours since 1970) of so many
        `hours` a crew has come as likely as not.

        Where all hours are alike, the middle of a short bracket, and near the end of a
        long one, where others look for it.
        """
        since = np.linspace(hours, 0, 97)
        people = np.full(len(since), population, np.intp)
        midnight = DAY_H * np.floor((end - hours) / DAY_H)
        sums, _ = self.weighed(people, end - midnight - since)
        steps = np.diff(sums)
        if steps.max() < PLAIN * steps.mean():
            return min(hours, SHORT_H) / 2
        return float(np.interp((sums[0] + sums[-1]) / 2, sums, since))
