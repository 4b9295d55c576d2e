"""A layer of level readings through filter, emptyings and forecast, in this order."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import emptying, fill, forecast, record
from sensorhub.estimate.emptying import Emptied, Visit
from sensorhub.estimate.fill import SPEC, Flags, Passed
from sensorhub.estimate.forecast import Ahead, Chances
from sensorhub.estimate.law import Law
from sensorhub.estimate.plan import Plans
from sensorhub.estimate.tables import Table
from sensorhub.estimate.usage import HOUR_MS, Usage, local_hours
from sensorhub.model import NEVER

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
HORIZON_H = 24.0
ROUND_H = 0.5  # a round is so punctual


class Town(NamedTuple):
    """What all devices share: laws, weeks, rounds; by device which of them."""

    laws: NDArray[np.float64]  # a row a number of `Law`, a column a law
    law_of: NDArray[np.intp]
    usage: Usage
    plans: Plans
    plan_of: NDArray[np.intp]
    interval_ms: NDArray[np.int64]  # expected from one reading to the next


class Found(NamedTuple):
    """A row a reading."""

    chances: Chances
    emptied: Emptied
    took: Flags  # the reading was believed
    came: F64  # % that was thrown in since the last one, as far as seen
    passed: Passed
    rate: F64  # before the reading, % a warped day


def follow(
    table: Table,
    town: Town,
    row: NDArray[np.intp],
    at: I64,
    z: F64,
    *,
    offset_ms: int | I64,
    fresh: Flags,
    stuck: Flags,
) -> Found:
    """Take one reading (ms, %) of each device in `row`, each newer than its last.

    `fresh`: what the device said before counts no more (a new mounting).
    `stuck`: the sensor repeats itself beyond its habit. `offset_ms`: local time less
    UTC.
    """
    law = Law(*town.laws[:, town.law_of[row]])
    people = law.population.astype(np.intp)
    t = {name: table[name][row] for name in SPEC}
    fresh = fresh | (t["at"] == NEVER)
    fill.begin(t, law, fresh, at, z)
    t["at"] = np.where(fresh, at, t["at"])
    when = _when(t, town, row, people, at, offset_ms)
    passed = when.passed
    settling = town.usage.settling[people]
    speed = fill.rate(t)
    began = t["since"]
    t["since"] = np.where(z == t["z"], began, at)
    t["z"] = z
    stuck = stuck & ~fresh
    same = {name: t[name] for name in ("f", "h", "ff", "fh", "hh")}
    ahead, fit, came = _filter(t, law, z, passed, (settling, stuck))
    emptying.weigh(t, law, ahead, fit, z, passed, stuck)
    now = at, local_hours(at, offset_ms)
    visit = _visit(town, (row, people), t, now, passed)
    emptying.open_(t, law, ahead, fit, (at, z), passed, visit, stuck)
    emptied = emptying.declare(t, law, ahead.f, town.interval_ms[row] / HOUR_MS)
    t["served"] = np.where(emptied.which, emptied.end, t["served"])
    for name, column in same.items():
        t[name] = np.where(fresh, column, t[name])
    took = (fit.odd < 0.5) & ~stuck | fresh
    t["good_at"] = np.where(took, at, t["good_at"])
    t["good_at"] = np.where(stuck, np.minimum(t["good_at"], began), t["good_at"])
    t["at"] = at
    chances = _chances(t, law, when, town.usage, stuck)
    for name, column in t.items():
        table[name][row] = column
    return Found(chances, emptied, took & ~fresh, came, passed, speed)


def _filter(
    t: fill.State, law: Law, z: F64, passed: Passed, how: tuple[F64, Flags]
) -> tuple[fill.Ahead, fill.Fit, F64]:
    """The reading through the filter; `how`: settling, and which sensors are stuck.

    Answers the state before it, how it fits, and what has come.
    """
    settling, stuck = how
    ahead, before = fill.expect(t, law, passed, settling, stuck), t["f"]
    fit = fill.correct(t, law, ahead, z, stuck)
    fill.agree(t, law, ahead, z, fit, stuck)
    came = fill.learn(t, law, before, ahead, passed)
    fill.roughness(t, ahead, fit, stuck)
    return ahead, fit, came


class When(NamedTuple):
    """The times of a layer: what passed, and the horizons of its forecasts."""

    passed: Passed
    a_day: Ahead
    next_round: Ahead


def _when(
    t: fill.State,
    town: Town,
    row: NDArray[np.intp],
    people: NDArray[np.intp],
    at: I64,
    offset_ms: int | I64,
) -> When:
    local = local_hours(at, offset_ms)
    hours = (at - t["at"]) / HOUR_MS
    good_hours = (at - t["good_at"]) / HOUR_MS
    until = np.minimum(town.plans.next_in(town.plan_of[row], local), HORIZON_H)
    times = (local, local - hours, local - good_hours, local + HORIZON_H, local + until)
    now, last, good, day, then = town.usage.warped(people, np.stack(times))
    return When(
        Passed(
            hours,
            np.maximum(now - last, 1e-6),
            good_hours,
            np.maximum(now - good, 1e-6),
        ),
        Ahead(np.full(len(row), HORIZON_H), day - now),
        Ahead(until, then - now),
    )


def _visit(
    town: Town,
    who: tuple[NDArray[np.intp], NDArray[np.intp]],
    t: fill.State,
    now: tuple[I64, F64],
    passed: Passed,
) -> Visit:
    """Whether a crew came since the last good reading, and when.

    `who`: devices and their populations. A round that was seen to empty it is over:
    nobody comes twice for it.
    """
    (row, people), (at, local) = who, now
    gap = np.maximum(passed.good_hours, 1e-3)
    plan = town.plan_of[row]
    ago = town.plans.last_ago(plan, local + ROUND_H) - ROUND_H
    since = np.where(t["served"] == NEVER, np.inf, (at - t["served"]) / HOUR_MS)
    planned = (ago <= gap + ROUND_H) & (ago < since - ROUND_H)
    hours, after = town.usage.crews.between(people, local - gap, local)
    by_plan = emptying.PLANNED * planned + emptying.UNPLANNED * gap
    blind = emptying.AN_HOUR * np.minimum(hours, emptying.MOST_H)
    chance = np.minimum(np.where(plan > 0, by_plan, blind), emptying.SUREST)
    share = np.clip(np.where(planned, ago, after) / gap, 0, 1)
    width = np.minimum(np.where(planned, 2 * ROUND_H, gap) / gap, 1)
    return Visit(chance, share, width**2 / 12)


def _chances(
    t: fill.State, law: Law, when: When, usage: Usage, stuck: Flags
) -> Chances:
    people = law.population.astype(np.intp)
    silent = (t["at"] - t["good_at"]) / HOUR_MS
    trust = np.where(stuck, np.exp(-forecast.FADES * silent), 1.0)
    flat = record.goes_flat(t, usage, people)
    to = when.a_day, when.next_round
    if flat.any():
        to = to[0].on_one_day(flat), to[1].on_one_day(flat)
    growth = record.growth(t, flat)
    found = forecast.chances(t, law, usage.settling[people], growth, to, trust=trust)
    young = fill.young(t, law)
    if not young.any():
        return found
    # nobody knows yet how fast it fills
    soon = np.where(young, found.overfull, found.before_round)
    return found._replace(before_round=soon)


def emptied_by_hand(table: Table, town: Town, row: NDArray[np.intp], at: int) -> None:
    """A crew says that it emptied these at `at` (ms), after their last readings."""
    law = Law(*town.laws[:, town.law_of[row]])
    now: dict[str, F64 | float] = {
        "f": law.residue,
        "ff": law.residue_var + law.noise,
        **dict.fromkeys(("h", "fh", "hh"), 0.0),
        **dict.fromkeys(("odds", "pending", "z"), np.nan),
    }
    for name, value in now.items():
        table[name][row] = value
    for name in ("at", "good_at", "since", "served"):
        table[name][row] = at
    table["mark_at"][row] = NEVER
