"""Process level readings, one per device: filter, emptying detection, forecast."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate import adaptation, emptying, fill, forecast, record
from sensorhub.estimate.emptying import DetectedEmptyings, VisitEstimate
from sensorhub.estimate.fill import SPEC, ElapsedTime, Flags, ReadingColumns
from sensorhub.estimate.forecast import Chances, ForecastHorizon, ForecastHorizons
from sensorhub.estimate.law import Law
from sensorhub.estimate.plan import RoundPlans
from sensorhub.estimate.tables import DeviceTable
from sensorhub.estimate.usage import HOUR_MS, UsageProfiles, local_hours
from sensorhub.estimate.waits import CrewGroups, until_visit
from sensorhub.model import NEVER

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
ROUND_H = 0.5  # a round comes at most so much before or after its time


class SharedModels(NamedTuple):
    """Models that devices share, and by device the number of its law and its plan."""

    laws: NDArray[np.float64]  # rows: the fields of `Law`; columns: laws
    law_of: NDArray[np.intp]
    usage: UsageProfiles
    plans: RoundPlans
    plan_of: NDArray[np.intp]
    interval_ms: NDArray[np.int64]  # expected from one reading to the next


class LevelFindings(NamedTuple):
    """Results of `process_levels`, one row per reading."""

    chances: Chances
    emptied: DetectedEmptyings
    took: Flags  # the reading was accepted by the filter
    came: F64  # estimated deposits since the last reading, %
    passed: ElapsedTime
    rate: F64  # estimated before the reading, % a warped day


class LevelReadings(NamedTuple):
    """One reading of each device in `row`, each newer than the device's last."""

    row: NDArray[np.intp]
    at: I64  # ms
    z: F64  # %
    offset_ms: I64  # local time less UTC
    fresh: Flags  # earlier readings do not count (a new mounting)
    stuck: Flags  # the sensor repeats its value for longer than usual


def process_levels(
    table: DeviceTable, models: SharedModels, readings: LevelReadings
) -> LevelFindings:
    """Process one level reading of each device in `readings.row`.

    The states in `table` are replaced by those after the readings.
    """
    row, at, z, offset_ms, fresh, stuck = readings
    law = Law(*models.laws[:, models.law_of[row]])
    people = law.population.astype(np.intp)
    t = {name: table[name][row] for name in SPEC}
    fresh = fresh | (t["at"] == NEVER)
    fill.begin(t, law, fresh, at, z)
    t["at"] = np.where(fresh, at, t["at"])
    local = local_hours(at, offset_ms)
    groups = CrewGroups(models.plan_of[row], people)
    when = _when(t, models, groups, at, local)
    passed = when.passed
    settling = models.usage.settling[people]
    speed = fill.rate(t)
    began = t["since"]
    t["since"] = np.where(z == t["z"], began, at)
    t["z"] = z
    stuck = stuck & ~fresh
    same = {name: t[name] for name in ("f", "h", "ff", "fh", "hh")}
    reading = ReadingColumns(at, z, passed, stuck)
    ahead, fit, came = _filter(t, law, settling, reading)
    emptying.update_candidates(t, law, ahead, fit, reading)
    visit = _visit(models, groups, t, reading, local)
    emptying.open_candidates(t, law, ahead, fit, reading, visit)
    emptied = emptying.accept_candidates(t, ahead.f, models.interval_ms[row] / HOUR_MS)
    t["served"] = np.where(emptied.which, emptied.end, t["served"])
    for name, column in same.items():
        t[name] = np.where(fresh, column, t[name])
    took = (fit.odd < 0.5) & ~stuck | fresh
    t["unconfirmed"] = np.where(took & ~fresh, 0.0, t["unconfirmed"])
    t["good_at"] = np.where(took, at, t["good_at"])
    t["good_at"] = np.where(stuck, np.minimum(t["good_at"], began), t["good_at"])
    t["at"] = at
    chances = _chances(t, law, when, models.usage, stuck)
    for name, column in t.items():
        table[name][row] = column
    return LevelFindings(chances, emptied, took & ~fresh, came, passed, speed)


def _filter(
    t: fill.FilterState, law: Law, settling: F64, reading: ReadingColumns
) -> tuple[fill.FillPrediction, fill.ReadingFit, F64]:
    """Run the filter: prediction, fit of the reading to it, estimated deposits (%)."""
    _, z, passed, stuck = reading
    ahead, before = fill.expect(t, law, passed, settling, stuck), t["f"]
    fit = fill.correct(t, law, ahead, z, stuck)
    fill.agree(t, law, ahead, z, fit, stuck)
    came = adaptation.learn(t, law, before, ahead, passed)
    adaptation.roughness(t, ahead, fit, stuck)
    return ahead, fit, came


class ForecastTimes(NamedTuple):
    """Elapsed time since the last readings, and the horizons of the forecasts."""

    passed: ElapsedTime
    horizons: ForecastHorizons


def _when(
    t: fill.FilterState,
    models: SharedModels,
    groups: CrewGroups,
    at: I64,
    local: F64,
) -> ForecastTimes:
    """The times of readings at `at` (ms; `local` in local hours since 1970)."""
    hours = (at - t["at"]) / HOUR_MS
    good_hours = (at - t["good_at"]) / HOUR_MS
    wait = until_visit(models.plans, models.usage.crews, groups, local)
    spans = forecast.horizon_hours(wait)
    times = (
        local,
        local - hours,
        local - good_hours,
        *(local + span for span in spans),
    )
    now, last, good, *ends = models.usage.warped(groups.population, np.stack(times))
    return ForecastTimes(
        ElapsedTime(
            hours,
            np.maximum(now - last, 1e-6),
            good_hours,
            np.maximum(now - good, 1e-6),
        ),
        ForecastHorizons(
            *(
                ForecastHorizon(span, end - now)
                for span, end in zip(spans, ends, strict=True)
            )
        ),
    )


def _visit(
    models: SharedModels,
    groups: CrewGroups,
    t: fill.FilterState,
    reading: ReadingColumns,
    local: F64,
) -> VisitEstimate:
    """Estimate whether and when a crew came since the last good reading.

    `local`: times of the readings, local hours since 1970. A round with a detected
    emptying is over: no crew comes twice for it.
    """
    plan, people = groups
    gap = np.maximum(reading.elapsed.good_hours, 1e-3)
    ago = models.plans.last_ago(plan, local + ROUND_H) - ROUND_H
    since = np.where(t["served"] == NEVER, np.inf, (reading.at - t["served"]) / HOUR_MS)
    planned = (ago <= gap + ROUND_H) & (ago < since - ROUND_H)
    hours, after = models.usage.crews.between(people, local - gap, local)
    by_plan = emptying.PLANNED * planned + emptying.UNPLANNED * gap
    blind = emptying.AN_HOUR * np.minimum(hours, emptying.MOST_H)
    chance = np.minimum(np.where(plan > 0, by_plan, blind), emptying.SUREST)
    share = np.clip(np.where(planned, ago, after) / gap, 0, 1)
    width = np.minimum(np.where(planned, 2 * ROUND_H, gap) / gap, 1)
    return VisitEstimate(chance, share, width**2 / 12)


def _chances(
    t: fill.FilterState,
    law: Law,
    when: ForecastTimes,
    usage: UsageProfiles,
    stuck: Flags,
) -> Chances:
    """The probabilities after the readings; a stuck sensor loses weight with time."""
    people = law.population.astype(np.intp)
    silent = (t["at"] - t["good_at"]) / HOUR_MS
    trust = np.where(stuck, np.exp(-forecast.FADES * silent), 1.0)
    flat = record.uses_persistence(t, usage, people)
    to = when.horizons.on_one_day(flat) if flat.any() else when.horizons
    growth = record.growth(t, flat)
    return forecast.chances(t, law, usage.settling[people], growth, to, trust=trust)


def record_emptying(
    table: DeviceTable, models: SharedModels, row: NDArray[np.intp], at: int
) -> None:
    """Record that a crew emptied the devices in `row` at `at` (ms).

    `at` is after their last readings; the fill is then what crews usually leave.
    """
    law = Law(*models.laws[:, models.law_of[row]])
    now: dict[str, F64 | float] = {
        "f": law.residue,
        "ff": law.residue_var + law.noise,
        **dict.fromkeys(("h", "fh", "hh"), 0.0),
        **dict.fromkeys(("odds", "pending", "z"), np.nan),
        "unconfirmed": 1.0,
    }
    for name, value in now.items():
        table[name][row] = value
    for name in ("at", "good_at", "since", "served"):
        table[name][row] = at
    table["mark_at"][row] = NEVER
