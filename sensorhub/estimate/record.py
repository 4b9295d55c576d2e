"""How good forecasts of a day were, beside the last day's own rate (naive).

Each device is followed from one day to the next: what its rate and the week of its
kind made expect a day ago, and what the last day's own rate did, against what came.
Days with an emptying in them count for nothing. Kinds of assets of which ours are worse
go by the naive forecast, until that is the worse one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.fill import FEWEST_RATE, Flags, State, rate
from sensorhub.estimate.learning import KEPT
from sensorhub.estimate.tables import Table
from sensorhub.estimate.usage import HOUR_MS, Usage, local_hours

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
DAY_MS = 22 * HOUR_MS  # a day, less what a daily round takes to be seen
LONGEST_MS = 30 * HOUR_MS
DAY_H = 24.0
FULL = 100.0  # %: beyond, a level is not followed
CASES = 50.0  # fewer say nothing
MARGIN = 1.1  # ours have to be worse by so much
SURE = 3.0  # standard errors


class Judged(NamedTuple):
    """Columns of days that are over: device, and how wrong both forecasts were, %."""

    row: NDArray[np.intp]
    ours: F64
    naive: F64


class Record:
    """Sums by block and population: cases, both errors, squares of their difference."""

    def __init__(self, blocks: int, populations: int) -> None:
        self.sums = np.zeros((blocks, populations, 4))

    def add(
        self, block: NDArray[np.intp], population: NDArray[np.intp], judged: Judged
    ) -> None:
        """Take days that are over."""
        ours, naive = judged.ours, judged.naive
        cases = np.stack((np.ones_like(ours), ours, naive, (ours - naive) ** 2), axis=1)
        np.add.at(self.sums, (block, population), cases)

    def fade(self, blocks: Flags) -> None:
        """A day is over: what is old counts less, in these blocks."""
        self.sums[blocks] *= KEPT

    def naive(self, before: Flags) -> Flags:
        """Which populations go by the naive forecast; `before`: which did so far."""
        n, ours, naive, squares = self.sums.sum(axis=0).T
        cases = np.maximum(n, 1.0)
        worse = (ours - naive) / cases
        error = np.sqrt(np.maximum(squares / cases - worse**2, 0) / cases)
        falls = (n >= CASES) & (ours > MARGIN * naive) & (worse > SURE * error)
        found: Flags = falls | (before & (ours > naive))
        return found


def goes_flat(t: State, usage: Usage, people: NDArray[np.intp]) -> Flags:
    """Which devices go on as on their last day, whatever the hour."""
    if not usage.naive.any():
        return np.zeros(len(people), np.bool_)
    known: Flags = usage.naive[people] & ~np.isnan(t["day_rate"])
    return known


def growth(t: State, flat: Flags) -> tuple[F64, F64]:
    """The rate (% a day) that a forecast goes by, and how many days it rests on."""
    if not flat.any():
        return rate(t), t["days"]
    last = np.maximum(t["day_rate"], FEWEST_RATE)
    return np.where(flat, last, rate(t)), np.where(flat, 1.0, t["days"])


def judge(
    table: Table,
    usage: Usage,
    readings: tuple[NDArray[np.intp], NDArray[np.intp], I64, I64],
    anew: Flags,
    took: Flags,
) -> Judged | None:
    """What came of the forecasts of a day ago, where that is over.

    `readings`: device, population, ms, local time less UTC. `anew`: an emptying or a
    new mounting, a day begins; `took`: the reading was believed.
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
    judged = _against(table, usage, (row[i], people[i], at[i], offset[i]))
    _mark(table, row[begins], at[begins])
    return judged


def _against(
    table: Table,
    usage: Usage,
    readings: tuple[NDArray[np.intp], NDArray[np.intp], I64, I64],
) -> Judged:
    """Both forecasts against what came; that is the last day's rate from now on."""
    row, people, at, offset = readings
    begin, start, usual = (table[x][row] for x in ("mark_at", "mark", "mark_rate"))
    hours = (at - begin) / HOUR_MS
    days = usage.warped(people, local_hours(at, offset))
    days -= usage.warped(people, local_hours(begin, offset))
    kept = np.exp(-usage.settling[people] * hours)
    came, before = table["f"][row], table["day_rate"][row]
    ours = start * kept + usual * days * np.sqrt(kept)
    naive = start + before * hours / DAY_H
    table["day_rate"][row] = np.maximum(came - start, 0) / hours * DAY_H
    known = ~np.isnan(before)
    wrong = np.abs(ours - came)[known], np.abs(naive - came)[known]
    return Judged(row[known], *wrong)


def _mark(table: Table, row: NDArray[np.intp], at: I64) -> None:
    """A day begins."""
    table["mark_at"][row], table["mark"][row] = at, table["f"][row]
    gained, days = table["gained"][row], table["days"][row]
    table["mark_rate"][row] = np.maximum(gained / days, FEWEST_RATE)
