"""What is known of fills: as of their last readings, and at some time after them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import fill, forecast, record
from sensorhub.estimate.fill import SPEC, Flags, Passed, State
from sensorhub.estimate.follow import HORIZON_H, Town
from sensorhub.estimate.forecast import Ahead, Chances
from sensorhub.estimate.law import Law
from sensorhub.estimate.tables import Table
from sensorhub.estimate.usage import HOUR_MS, local_hours

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
SHARES = (0.1, 0.5, 0.9)


class Outlook(NamedTuple):
    """A row a device: the fill and its deviation (%), the chance of 100 % within a
    day, and the hours until it is full with a chance of 10, 50 and 90 % (NaN: over a
    week)."""

    fill: F64
    sd: F64
    full_24h: F64
    hours: tuple[F64, F64, F64]
    naive: Flags  # it goes on as on its last day


def outlook(
    table: Table, town: Town, row: NDArray[np.intp], offset_ms: int | I64
) -> Outlook:
    """What is known of devices as of their last readings."""
    law = Law(*town.laws[:, town.law_of[row]])
    t = {name: table[name][row] for name in SPEC}
    return _outlook(t, law, town, local_hours(t["at"], offset_ms))


def _outlook(t: State, law: Law, town: Town, local: F64) -> Outlook:
    """The same of states at local hours since 1970."""
    people = law.population.astype(np.intp)
    flat = record.goes_flat(t, town.usage, people)
    days_in = _days_in(town, people, local, flat)
    settling = town.usage.settling[people]
    start, growth = (t["f"], t["ff"]), record.growth(t, flat)
    day = np.full(len(local), HORIZON_H)
    low, middle, high = (
        forecast.full_in(share, law, settling, start, growth, days_in)
        for share in SHARES
    )
    return Outlook(
        t["f"],
        np.sqrt(np.maximum(t["ff"], 0)),
        forecast.full_by(law, settling, start, growth, Ahead(day, days_in(day))),
        (low, middle, high),
        flat,
    )


def _days_in(
    town: Town, people: NDArray[np.intp], local: F64, flat: Flags
) -> Callable[[F64], F64]:
    """Warped days in so many hours from `local` on; days are alike where `flat`."""
    now = town.usage.warped(people, local)

    def days_in(hours: F64) -> F64:
        days = town.usage.warped(people, local + hours) - now
        return np.where(flat, hours / HORIZON_H, days)

    return days_in


class Later(NamedTuple):
    """An outlook at a later time; besides it the chances, the hours until the next
    round (inf: none) and since the last good reading."""

    fill: F64
    sd: F64
    full_24h: F64
    hours: tuple[F64, F64, F64]
    naive: Flags
    chances: Chances
    next_round_h: F64
    silent_h: F64
    young: Flags  # nobody knows yet how fast it fills


def later(
    table: Table, town: Town, row: NDArray[np.intp], at: int, offset_ms: int
) -> Later:
    """Of devices in `row` that spoke before `at` (ms): they went on as usual."""
    law = Law(*town.laws[:, town.law_of[row]])
    people = law.population.astype(np.intp)
    settling = town.usage.settling[people]
    t = {name: table[name][row] for name in SPEC}
    local = local_hours(np.full(len(row), at), offset_ms)
    silent_h = (at - t["good_at"]) / HOUR_MS
    _go_on(t, law, town, at, local)
    seen = _outlook(t, law, town, local)
    days_in = _days_in(town, people, local, seen.naive)
    next_round = town.plans.next_in(town.plan_of[row], local)
    day, until = (
        Ahead(hours, days_in(hours))
        for hours in (np.full(len(row), HORIZON_H), np.minimum(next_round, HORIZON_H))
    )
    growth, sure = record.growth(t, seen.naive), np.ones(len(row))
    return Later(
        *seen,
        chances=forecast.chances(t, law, settling, growth, (day, until), trust=sure),
        next_round_h=next_round,
        silent_h=silent_h,
        young=fill.young(t, law),
    )


def _go_on(t: State, law: Law, town: Town, at: int, local: F64) -> None:
    """Fills and their variance as they are at `at` (ms), if things went on as usual."""
    people = law.population.astype(np.intp)
    hours, good_hours = (at - t["at"]) / HOUR_MS, (at - t["good_at"]) / HOUR_MS
    warped = town.usage.warped(people, np.stack((local, local - hours)))
    days = np.maximum(warped[0] - warped[1], 0)
    passed = Passed(hours, days, good_hours, days)
    unseen = np.ones(len(local), np.bool_)
    ahead = fill.expect(t, law, passed, town.usage.settling[people], unseen)
    t["f"], t["ff"] = ahead.f, np.maximum(ahead.ff, 0)
