"""Forecast of a fill: the probability that it is due, and the time until it is full.

P(due) is the probability that it is 70 % full now or will be full within the horizon.
docs/estimation.md gives the reason for this definition. The forecast counts only for
bins whose rate is known from some days; below 40 % only until somebody comes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import habit
from sensorhub.estimate.fill import MISREAD, FilterState
from sensorhub.estimate.law import Law
from sensorhub.estimate.normal import ROOT_2PI, tail

F64 = NDArray[np.float64]
DUE = 70.0  # %
FULL = 100.0
LOW, RAMP = 40.0, 2.0  # %: a fill below LOW is low; width of the transition
HORIZON_H, SOON_H = 24.0, 2.0
FADES = 0.02  # decay of the weight of a stuck sensor, per hour
FARTHEST_H = 168.0


class Chances(NamedTuple):
    """Probabilities by device, 0 to 1."""

    due: F64  # 70 % full now, or full within a day
    before_round: F64  # full before somebody comes, a day ahead at most
    overfull: F64  # full now
    soon: F64  # full now, or within two hours and before somebody comes


class FillDistribution(NamedTuple):
    """Normal distribution of the fill, by device."""

    mean: F64  # %
    variance: F64  # %²


class FillGrowth(NamedTuple):
    """The fill rate of a forecast, by device."""

    rate: F64  # % a warped day
    days: F64  # warped days that the rate was estimated from


class ForecastHorizon(NamedTuple):
    """The time from now to the end of a forecast, by device."""

    hours: F64
    days: F64  # warped

    def on_one_day(self, which: NDArray[np.bool_]) -> "ForecastHorizon":
        """The horizon in unwarped days for the devices in `which`."""
        return ForecastHorizon(self.hours, np.where(which, self.hours / 24, self.days))


def horizon_hours(wait: F64) -> tuple[F64, F64, F64]:
    """Hours to the ends of `ForecastHorizons`; `wait`: until somebody comes."""
    return np.full(len(wait), HORIZON_H), np.minimum(wait, SOON_H), wait


class ForecastHorizons(NamedTuple):
    """The horizons of the chances."""

    day: ForecastHorizon
    soon: ForecastHorizon
    visit: ForecastHorizon

    def on_one_day(self, which: NDArray[np.bool_]) -> "ForecastHorizons":
        """The horizons in unwarped days for the devices in `which`."""
        return ForecastHorizons(*(to.on_one_day(which) for to in self))


def full_by(
    law: Law,
    settling: F64,
    start: FillDistribution,
    growth: FillGrowth,
    to: ForecastHorizon,
) -> F64:
    """The probability of 100 % by the horizon `to`; `start`: the fill now."""
    return tail(_short(law, settling, start, growth, to))


def _short(
    law: Law,
    settling: F64,
    start: FillDistribution,
    growth: FillGrowth,
    to: ForecastHorizon,
) -> F64:
    """Distance of the expected fill at `to` from 100 %, in standard deviations."""
    (f, ff), (r, days) = start, growth
    kept = np.exp(-settling * to.hours)
    half = np.sqrt(kept)
    came = r * to.days
    mean = f * kept + came * half
    var = ff * kept**2 + (to.days * half) ** 2 * r * law.phi / days + law.phi * came
    short: F64 = (FULL - mean) / np.sqrt(np.maximum(var, 1e-9))
    return short


def chances(
    t: FilterState,
    law: Law,
    settling: F64,
    growth: FillGrowth,
    to: ForecastHorizons,
    *,
    trust: F64,
) -> Chances:
    """The probabilities by filter state; `trust`: weight of the sensor, 0 to 1."""
    f, sd = t["f"], np.sqrt(np.maximum(t["ff"], 1e-6))
    a = (DUE - f) / sd
    now = FillDistribution(f, sd**2)
    by_soon = _short(law, settling, now, growth, to.soon)
    by_visit = _short(law, settling, now, growth, to.visit)
    ways = np.stack((a, (FULL - f) / sd, by_soon, by_visit))
    over, overfull, soon, before_visit = tail(ways)
    young = habit.young(t, law)
    soon = np.where(young, overfull, np.maximum(soon, overfull))
    before_visit = np.where(young, overfull, np.maximum(before_visit, overfull))
    below = np.maximum(1 - over, 1e-9)
    slope = np.exp(-0.5 * a * a) / ROOT_2PI / below
    mean = f - sd * slope
    var = sd**2 * np.clip(1 - a * slope - slope**2, 0.01, 1)
    below_due = FillDistribution(mean, var)  # given that it is below DUE now
    later = full_by(law, settling, below_due, growth, to.day)
    due = _due(t, law, over, over + (1 - over) * later, before_visit)
    odds = np.where(np.isnan(t["odds"]), -np.inf, t["odds"])
    trust = trust / (1 + np.exp(np.minimum(odds, 700)))
    trust = trust * (1 - MISREAD * t["unconfirmed"])
    return Chances(trust * due, trust * before_visit, trust * overfull, trust * soon)


def _due(t: FilterState, law: Law, over: F64, usual: F64, before_visit: F64) -> F64:
    """The probability of due.

    A bin of low fill counts only if it is more likely full than not before somebody
    comes, a bin without habit only if it is 70 % full now. Probabilities: `over`: 70 %
    full now; `usual`: due, whatever the fill; `before_visit`: full before somebody
    comes.
    """
    low = np.minimum(usual, 2 * before_visit)  # an even chance is enough
    share = np.clip((t["f"] - LOW) / RAMP, 0, 1)
    return np.where(habit.has_habit(t, law), low + share * (usual - low), over)


def full_in(
    share: float,
    law: Law,
    settling: F64,
    start: FillDistribution,
    growth: FillGrowth,
    days_in: Callable[[F64], F64],
) -> F64:
    """Hours until it is full with probability `share`; NaN: over `FARTHEST_H`.

    `days_in(hours)`: warped days from now until `hours` later. Bisection, to 6 min.
    """
    low, high = np.zeros_like(start.mean), np.full_like(start.mean, FARTHEST_H)
    last = ForecastHorizon(high, days_in(high))
    never = full_by(law, settling, start, growth, last) < share
    for _ in range(11):
        middle = (low + high) / 2
        here = ForecastHorizon(middle, days_in(middle))
        reached = full_by(law, settling, start, growth, here) >= share
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return np.where(never, np.nan, high)
