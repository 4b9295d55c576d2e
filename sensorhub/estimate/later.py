"""What is known of fills at some time after their last readings."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import fill, forecast, record
from sensorhub.estimate.fill import SPEC, Passed, State
from sensorhub.estimate.follow import HORIZON_H, Town
from sensorhub.estimate.forecast import Ahead, Chances
from sensorhub.estimate.law import Law
from sensorhub.estimate.tables import Table
from sensorhub.estimate.usage import HOUR_MS, local_hours

F64 = NDArray[np.float64]
SHARES = (0.1, 0.5, 0.9)


class Later(NamedTuple):
    """A row a device: fill and its deviation (%), chances, the chance of 100 % within
    a day, hours until it is full with a chance of 10, 50 and 90 % (NaN: over a week)
    and until the next round (inf: none)."""

    fill: F64
    sd: F64
    chances: Chances
    full_24h: F64
    hours: list[F64]
    next_round_h: F64
    silent_h: F64  # since the last good reading
    young: NDArray[np.bool_]  # nobody knows yet how fast it fills
    naive: NDArray[np.bool_]  # it goes on as on its last day


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
    flat = record.goes_flat(t, town.usage, people)
    now = town.usage.warped(people, local)

    def days_in(hours: F64) -> F64:
        days = town.usage.warped(people, local + hours) - now
        return np.where(flat, hours / HORIZON_H, days)

    next_round = town.plans.next_in(town.plan_of[row], local)
    day, until = (
        Ahead(hours, days_in(hours))
        for hours in (np.full(len(row), HORIZON_H), np.minimum(next_round, HORIZON_H))
    )
    start, growth = (t["f"], t["ff"]), record.growth(t, flat)
    sure = np.ones(len(row))
    return Later(
        fill=t["f"],
        sd=np.sqrt(t["ff"]),
        chances=forecast.chances(t, law, settling, growth, (day, until), trust=sure),
        full_24h=forecast.full_by(law, settling, start, growth, day),
        hours=[
            forecast.full_in(share, law, settling, start, growth, days_in)
            for share in SHARES
        ],
        next_round_h=next_round,
        silent_h=silent_h,
        young=fill.young(t, law),
        naive=flat,
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
