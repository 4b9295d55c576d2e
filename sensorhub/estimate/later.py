"""Fill outlook as of the last readings, and projected to a later time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import fill, forecast, habit, record
from sensorhub.estimate.fill import SPEC, ElapsedTime, FilterState, Flags
from sensorhub.estimate.follow import SharedModels
from sensorhub.estimate.forecast import (
    HORIZON_H,
    Chances,
    FillDistribution,
    ForecastHorizon,
    ForecastHorizons,
)
from sensorhub.estimate.law import Law
from sensorhub.estimate.tables import DeviceTable
from sensorhub.estimate.usage import HOUR_MS, local_hours
from sensorhub.estimate.waits import CrewGroups, until_visit

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
SHARES = (0.1, 0.5, 0.9)  # probabilities that a bin is full by then


class FillOutlook(NamedTuple):
    """The fill now and its forecast, one row per device."""

    fill: F64  # %
    sd: F64  # standard deviation of the fill, %
    full_24h: F64  # probability of 100 % within 24 h
    hours: tuple[F64, F64, F64]  # until full with SHARES; NaN: over a week
    persistence: Flags  # a persistence forecast, at the last day's rate


def outlook(
    table: DeviceTable,
    models: SharedModels,
    row: NDArray[np.intp],
    offset_ms: int | I64,
) -> FillOutlook:
    """The outlook of the devices in `row` at the time of their last readings."""
    law = Law(*models.laws[:, models.law_of[row]])
    t = {name: table[name][row] for name in SPEC}
    return _outlook(t, law, models, local_hours(t["at"], offset_ms))


def _outlook(t: FilterState, law: Law, models: SharedModels, local: F64) -> FillOutlook:
    """The outlook of filter states; `local`: their times, local hours since 1970."""
    people = law.population.astype(np.intp)
    flat = record.uses_persistence(t, models.usage, people)
    days_in = _days_in(models, people, local, flat)
    settling = models.usage.settling[people]
    start, growth = FillDistribution(t["f"], t["ff"]), record.growth(t, flat)
    day = np.full(len(local), HORIZON_H)
    low, middle, high = (
        forecast.full_in(share, law, settling, start, growth, days_in)
        for share in SHARES
    )
    return FillOutlook(
        t["f"],
        np.sqrt(np.maximum(t["ff"], 0)),
        forecast.full_by(
            law, settling, start, growth, ForecastHorizon(day, days_in(day))
        ),
        (low, middle, high),
        flat,
    )


def _days_in(
    models: SharedModels, people: NDArray[np.intp], local: F64, flat: Flags
) -> Callable[[F64], F64]:
    """Return a function from hours after `local` to warped days in them.

    Where `flat`, the forecast is a persistence forecast: 24 h are one day.
    """
    now = models.usage.warped(people, local)

    def days_in(hours: F64) -> F64:
        days = models.usage.warped(people, local + hours) - now
        return np.where(flat, hours / HORIZON_H, days)

    return days_in


class ProjectedFill(NamedTuple):
    """A `FillOutlook` at a later time, with what depends on that time."""

    fill: F64
    sd: F64
    full_24h: F64
    hours: tuple[F64, F64, F64]
    persistence: Flags
    chances: Chances
    next_round_h: F64  # hours until the next round; inf: none
    silent_h: F64  # hours since the last good reading
    young: Flags  # the fill rate is not known yet


def project_fill(
    table: DeviceTable,
    models: SharedModels,
    row: NDArray[np.intp],
    at: int,
    offset_ms: int,
) -> ProjectedFill:
    """Project the devices in `row` to `at` (ms), a time after their last readings.

    `offset_ms`: local time less UTC.
    """
    law = Law(*models.laws[:, models.law_of[row]])
    people = law.population.astype(np.intp)
    settling = models.usage.settling[people]
    t = {name: table[name][row] for name in SPEC}
    local = local_hours(np.full(len(row), at), offset_ms)
    silent_h = (at - t["good_at"]) / HOUR_MS
    _advance(t, law, models, at, local)
    seen = _outlook(t, law, models, local)
    days_in = _days_in(models, people, local, seen.persistence)
    groups = CrewGroups(models.plan_of[row], people)
    wait = until_visit(models.plans, models.usage.crews, groups, local)
    to = ForecastHorizons(
        *(ForecastHorizon(h, days_in(h)) for h in forecast.horizon_hours(wait))
    )
    growth, sure = record.growth(t, seen.persistence), np.ones(len(row))
    return ProjectedFill(
        *seen,
        chances=forecast.chances(t, law, settling, growth, to, trust=sure),
        next_round_h=models.plans.next_in(groups.plan, local),
        silent_h=silent_h,
        young=habit.young(t, law),
    )


def _advance(
    t: FilterState, law: Law, models: SharedModels, at: int, local: F64
) -> None:
    """Advance fills (%) and variances (%²) to `at` (ms; `local` in local hours).

    They rise at the devices' estimated rates, as if no reading had come.
    """
    people = law.population.astype(np.intp)
    hours, good_hours = (at - t["at"]) / HOUR_MS, (at - t["good_at"]) / HOUR_MS
    warped = models.usage.warped(people, np.stack((local, local - hours)))
    days = np.maximum(warped[0] - warped[1], 0)
    passed = ElapsedTime(hours, days, good_hours, days)
    unseen = np.ones(len(local), np.bool_)
    ahead = fill.expect(t, law, passed, models.usage.settling[people], unseen)
    t["f"], t["ff"] = ahead.f, np.maximum(ahead.ff, 0)
