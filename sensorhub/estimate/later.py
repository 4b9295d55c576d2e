"""Fill outlook as of the last readings, and projected to a later time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import fill, forecast, habit, record
from sensorhub.estimate.fill import SPEC, ElapsedTime, FilterState, Flags
from sensorhub.estimate.follow import HORIZON_H, SharedModels
from sensorhub.estimate.forecast import Chances, ForecastHorizon, ForecastHorizons
from sensorhub.estimate.law import Law
from sensorhub.estimate.tables import DeviceTable
from sensorhub.estimate.usage import HOUR_MS, local_hours
from sensorhub.estimate.waits import until_visit

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
SHARES = (0.1, 0.5, 0.9)


class FillOutlook(NamedTuple):
    """One row per device: fill and standard deviation (%), probability of 100 % within
    a day, hours until full with a probability of 10, 50 and 90 % (NaN: over a week)."""

    fill: F64
    sd: F64
    full_24h: F64
    hours: tuple[F64, F64, F64]
    persistence: Flags  # a persistence forecast, at the last day's rate


def outlook(
    table: DeviceTable,
    models: SharedModels,
    row: NDArray[np.intp],
    offset_ms: int | I64,
) -> FillOutlook:
    """The outlook of devices as of their last readings."""
    law = Law(*models.laws[:, models.law_of[row]])
    t = {name: table[name][row] for name in SPEC}
    return _outlook(t, law, models, local_hours(t["at"], offset_ms))


def _outlook(t: FilterState, law: Law, models: SharedModels, local: F64) -> FillOutlook:
    """The outlook of filter states at local hours since 1970."""
    people = law.population.astype(np.intp)
    flat = record.uses_persistence(t, models.usage, people)
    days_in = _days_in(models, people, local, flat)
    settling = models.usage.settling[people]
    start, growth = (t["f"], t["ff"]), record.growth(t, flat)
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
    """Warped days in so many hours from `local` on; days are alike where `flat`."""
    now = models.usage.warped(people, local)

    def days_in(hours: F64) -> F64:
        days = models.usage.warped(people, local + hours) - now
        return np.where(flat, hours / HORIZON_H, days)

    return days_in


class ProjectedFill(NamedTuple):
    """An outlook at a later time; besides it the chances, the hours until the next
    round (inf: none) and since the last good reading."""

    fill: F64
    sd: F64
    full_24h: F64
    hours: tuple[F64, F64, F64]
    persistence: Flags
    chances: Chances
    next_round_h: F64
    silent_h: F64
    young: Flags  # the fill rate is not known yet


def project_fill(
    table: DeviceTable,
    models: SharedModels,
    row: NDArray[np.intp],
    at: int,
    offset_ms: int,
) -> ProjectedFill:
    """Project devices in `row` to `at` (ms), after their last readings."""
    law = Law(*models.laws[:, models.law_of[row]])
    people = law.population.astype(np.intp)
    settling = models.usage.settling[people]
    t = {name: table[name][row] for name in SPEC}
    local = local_hours(np.full(len(row), at), offset_ms)
    silent_h = (at - t["good_at"]) / HOUR_MS
    _go_on(t, law, models, at, local)
    seen = _outlook(t, law, models, local)
    days_in = _days_in(models, people, local, seen.persistence)
    plan = models.plan_of[row]
    wait = until_visit(models.plans, models.usage.crews, (plan, people), local)
    spans = np.full(len(row), HORIZON_H), np.minimum(wait, forecast.SOON_H), wait
    to = ForecastHorizons(*(ForecastHorizon(hours, days_in(hours)) for hours in spans))
    growth, sure = record.growth(t, seen.persistence), np.ones(len(row))
    return ProjectedFill(
        *seen,
        chances=forecast.chances(t, law, settling, growth, to, trust=sure),
        next_round_h=models.plans.next_in(plan, local),
        silent_h=silent_h,
        young=habit.young(t, law),
    )


def _go_on(t: FilterState, law: Law, models: SharedModels, at: int, local: F64) -> None:
    """Advance fills and their variances to `at` (ms) at their usual rates."""
    people = law.population.astype(np.intp)
    hours, good_hours = (at - t["at"]) / HOUR_MS, (at - t["good_at"]) / HOUR_MS
    warped = models.usage.warped(people, np.stack((local, local - hours)))
    days = np.maximum(warped[0] - warped[1], 0)
    passed = ElapsedTime(hours, days, good_hours, days)
    unseen = np.ones(len(local), np.bool_)
    ahead = fill.expect(t, law, passed, models.usage.settling[people], unseen)
    t["f"], t["ff"] = ahead.f, np.maximum(ahead.ff, 0)
