"""Learn the weekly profile and the settling rate of a population.

Sums are kept by block of devices, so that the checkpoint of a block holds what its own
devices contributed. The week is the mean gain by hour, relative to the gain expected
from the rates. Hours with few data are shrunk towards hour of day times day of week,
and these towards a default day. Settling is the share of the content lost per hour at
night, compared with the deposits of that time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.calendar import WEEK_H
from sensorhub.estimate.usage import UsageProfiles, rough_week

F64 = NDArray[np.float64]
KEPT = 0.97  # of the sums, a day: five weeks count
LONGEST_H = 6.5  # a longer step says too little about its hours
NIGHT_H = 5.0  # local, from midnight
LEAN = 100.0  # % of gain that hours of a day lean on a rough day with
WEEK_LEAN = 600.0  # and hours of the week on hour of day times weekday
LEAST = 0.02  # of the mean rate
MOST_SETTLING = 0.01  # share an hour
USUAL_SETTLING = 0.003  # what is known before: 0, give or take so much
DOUBT = 3.0  # how much its own uncertainty draws the settling to 0


class FillStep(NamedTuple):
    """Columns of steps from one good reading to the next: local hours since 1970,
    levels at both ends (%), the rate expected (% a warped day)."""

    block: NDArray[np.intp]
    population: NDArray[np.intp]
    begin: F64
    end: F64
    before: F64
    after: F64
    rate: F64

    def only(self, which: NDArray[np.bool_]) -> "FillStep":
        """Some of the steps."""
        return FillStep(
            self.block[which],
            self.population[which],
            self.begin[which],
            self.end[which],
            self.before[which],
            self.after[which],
            self.rate[which],
        )


def hours_of(begin: F64, end: F64) -> tuple[F64, F64]:
    """Hours that spans in hours touch, a row a span; how much of each is in it."""
    most = int(np.ceil((end - begin).max())) + 1
    hour: F64 = np.floor(begin)[:, None] + np.arange(most)
    overlap = np.minimum(end[:, None], hour + 1) - np.maximum(begin[:, None], hour)
    return hour, np.maximum(overlap, 0)


class WeekSums:
    """Sums by block and population from which weeks and settling are computed."""

    def __init__(self, blocks: int, populations: int) -> None:
        self.gained = np.zeros((blocks, populations, WEEK_H))
        self.exposed = np.zeros((blocks, populations, WEEK_H))
        self.night = np.zeros((blocks, populations, 7))

    def add(self, step: FillStep, usage: UsageProfiles) -> None:
        """Add steps; `usage` is the profile learnt so far."""
        hours = step.end - step.begin
        use = (hours > 0) & (hours <= LONGEST_H)
        if not use.any():
            return
        step = step.only(use)
        hours = hours[use]
        sunk = usage.settling[step.population] * step.before * hours
        gain = np.clip(step.after - step.before + sunk, -15, 40)
        hour, overlap = hours_of(step.begin, step.end)
        of_week = usage.calendar.hour_of_week(hour.astype(np.int64))
        weight = usage.shape[step.population[:, None], of_week] * overlap
        share = weight / weight.sum(axis=1, keepdims=True)
        where = (step.block[:, None], step.population[:, None], of_week)
        np.add.at(self.gained, where, gain[:, None] * share)
        np.add.at(self.exposed, where, step.rate[:, None] * overlap / 24)
        self._nights(step, hours)

    def _nights(self, step: FillStep, hours: F64) -> None:
        begin, end = step.begin % 24, step.end % 24
        night = (begin < NIGHT_H) & (end < NIGHT_H) & (hours < NIGHT_H)
        if not night.any():
            return
        y = np.clip(step.after - step.before, -15, 15)[night]
        # the mean of both ends: the errors of y and of the level then cancel
        sinks = (-(step.before + step.after) / 2 * hours)[night]
        comes = (step.rate * hours / 24)[night]
        products = (sinks * sinks, sinks * comes, comes * comes, sinks * y, comes * y)
        sums = np.stack((*products, y * y, np.ones_like(y)), axis=1)
        np.add.at(self.night, (step.block[night], step.population[night]), sums)

    def fade(self, blocks: NDArray[np.bool_]) -> None:
        """Fade the sums of these blocks: a day is over, older days count less."""
        for sums in (self.gained, self.exposed, self.night):
            sums[blocks] *= KEPT

    def weeks(self) -> tuple[F64, F64]:
        """The learnt weeks of all populations, and settling as a share per hour."""
        gained, exposed = self.gained.sum(axis=0), self.exposed.sum(axis=0)
        rough = rough_week()
        shapes = np.array(
            [
                _week(g.reshape(7, 24), e.reshape(7, 24), rough)
                for g, e in zip(gained, exposed, strict=True)
            ]
        )
        return shapes, _settling(self.night.sum(axis=0))


def _week(gained: F64, exposed: F64, rough: F64) -> F64:
    """A week by hour from gains and exposure by weekday and hour."""
    a_day = rough[:24]
    hour = (gained.sum(0) + LEAN * a_day) / (exposed.sum(0) + LEAN)
    usual = np.maximum(exposed @ hour, 1e-9)
    day = (gained.sum(1) + LEAN) / (usual + LEAN)
    lean = day[:, None] * hour[None, :]
    found = (gained + WEEK_LEAN * lean) / (exposed + WEEK_LEAN)
    week: F64 = np.maximum(found, LEAST).reshape(-1)
    return week


def _settling(sums: F64) -> F64:
    """Two unknowns by least squares, the settling drawn to 0 by its uncertainty."""
    aa, ab, bb, ay, by, yy, n = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        det = aa * bb - ab * ab
        found = (ay * bb - by * ab) / det
        variance = yy / n * bb / det
        found *= found**2 / (found**2 + DOUBT * variance)
        found *= USUAL_SETTLING**2 / (USUAL_SETTLING**2 + variance)
    settling: F64 = np.clip(np.nan_to_num(found), 0.0, MOST_SETTLING)
    return settling
