"""Errors of day-ahead forecasts, compared with a persistence forecast.

A persistence forecast continues at the rate of the device's last day. For each device
and day both forecasts are compared with the fill that was measured; days with an
emptying do not count. Populations (kinds of assets) whose own forecasts are worse use
persistence until that is worse.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.fill import FEWEST_RATE, FilterState, Flags, rate
from sensorhub.estimate.forecast import FillGrowth
from sensorhub.estimate.learning import KEPT
from sensorhub.estimate.tables import DeviceTable
from sensorhub.estimate.usage import HOUR_MS, UsageProfiles, local_hours

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
DAY_MS = 22 * HOUR_MS  # a day, less what a daily round takes to be seen
LONGEST_MS = 30 * HOUR_MS
DAY_H = 24.0
FULL = 100.0  # %: beyond, a level is not followed
CASES = 50.0  # fewer say nothing
MARGIN = 1.1  # ours have to be worse by so much
SURE = 3.0  # standard errors


class ForecastErrors(NamedTuple):
    """Errors of days that are over: device, absolute errors of both forecasts (%)."""

    row: NDArray[np.intp]
    ours: F64
    persistence: F64


class DayReadings(NamedTuple):
    """Readings that may end a day: device, population, ms, local time less UTC (ms)."""

    row: NDArray[np.intp]
    people: NDArray[np.intp]
    at: I64
    offset_ms: I64


class ForecastRecord:
    """Sums by block and population: cases, both errors, squares of their difference."""

    def __init__(self, blocks: int, populations: int) -> None:
        self.sums = np.zeros((blocks, populations, 4))

    def add(
        self,
        block: NDArray[np.intp],
        population: NDArray[np.intp],
        judged: ForecastErrors,
    ) -> None:
        """Add the errors of days that are over."""
        ours, persistence = judged.ours, judged.persistence
        cases = np.stack(
            (np.ones_like(ours), ours, persistence, (ours - persistence) ** 2), axis=1
        )
        np.add.at(self.sums, (block, population), cases)

    def fade(self, blocks: Flags) -> None:
        """Fade the sums of these blocks: a day is over, older days count less."""
        self.sums[blocks] *= KEPT

    def persistence(self, before: Flags) -> Flags:
        """Populations that use persistence; `before`: those that did so far."""
        n, ours, persistence, squares = self.sums.sum(axis=0).T
        cases = np.maximum(n, 1.0)
        worse = (ours - persistence) / cases
        error = np.sqrt(np.maximum(squares / cases - worse**2, 0) / cases)
        falls = (n >= CASES) & (ours > MARGIN * persistence) & (worse > SURE * error)
        found: Flags = falls | (before & (ours > persistence))
        return found


def uses_persistence(
    t: FilterState, usage: UsageProfiles, people: NDArray[np.intp]
) -> Flags:
    """Devices whose forecasts use persistence: their last day's rate at all hours."""
    if not usage.persistence.any():
        return np.zeros(len(people), np.bool_)
    known: Flags = usage.persistence[people] & ~np.isnan(t["day_rate"])
    return known


def growth(t: FilterState, flat: Flags) -> FillGrowth:
    """The fill rate of a forecast; `flat`: devices that use persistence."""
    if not flat.any():
        return FillGrowth(rate(t), t["days"])
    last = np.maximum(t["day_rate"], FEWEST_RATE)
    return FillGrowth(np.where(flat, last, rate(t)), np.where(flat, 1.0, t["days"]))


def measure_errors(
    table: DeviceTable,
    usage: UsageProfiles,
    readings: DayReadings,
    *,
    anew: Flags,
    took: Flags,
) -> ForecastErrors | None:
    """Measure the errors of the forecasts of a day ago, where that day is over.

    `anew`: an emptying or a
    new mounting, a day begins; `took`: the reading was accepted.
    """
    row, people, at, offset = readings
    since = at - table["mark_at"][row]
    over = took & (since >= DAY_MS) & ~anew
    begins = np.flatnonzero(anew | over)
    if not len(begins):
        return None
    full, mark = table["f"][row], table["mark"][row]
    sound = (since <= LONGEST_MS) & (full < FULL) & (mark < FULL)
    i = np.flatnonzero(over & sound)
    judged = _against(table, usage, DayReadings(row[i], people[i], at[i], offset[i]))
    _mark(table, row[begins], at[begins])
    return judged


def _against(
    table: DeviceTable,
    usage: UsageProfiles,
    readings: DayReadings,
) -> ForecastErrors:
    """Compare both forecasts with the measured fill; set the last day's rate."""
    row, people, at, offset = readings
    begin, start, usual = (table[x][row] for x in ("mark_at", "mark", "mark_rate"))
    hours = (at - begin) / HOUR_MS
    days = usage.warped(people, local_hours(at, offset))
    days -= usage.warped(people, local_hours(begin, offset))
    kept = np.exp(-usage.settling[people] * hours)
    came, before = table["f"][row], table["day_rate"][row]
    ours = start * kept + usual * days * np.sqrt(kept)
    persistence = start + before * hours / DAY_H
    table["day_rate"][row] = np.maximum(came - start, 0) / hours * DAY_H
    known = ~np.isnan(before)
    wrong = np.abs(ours - came)[known], np.abs(persistence - came)[known]
    return ForecastErrors(row[known], *wrong)


def _mark(table: DeviceTable, row: NDArray[np.intp], at: I64) -> None:
    """Store the state at the begin of a day."""
    table["mark_at"][row], table["mark"][row] = at, table["f"][row]
    gained, days = table["gained"][row], table["days"][row]
    table["mark_rate"][row] = np.maximum(gained / days, FEWEST_RATE)
