"""Real fill curves out of a file, and what is true of them afterwards."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.clock import parse_time

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Places = NDArray[np.intp]
HOUR_MS = 3_600_000
WASTE = {"1": "glass", "3": "plastic", "5": "paper"}
WINDOW = 6  # readings
FULLEST = 99.0  # %, the most that some of the sensors show
BACK = 15.0  # points


class Curve(NamedTuple):
    """A container: its waste, and its readings (ms, %) in order."""

    container: str
    waste: str
    at: I64
    fill: F64


def read(file: Path) -> list[Curve]:
    """The curves of a CSV, gzipped or not, as in firmware_sim/data."""
    rows: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
        for row in csv.DictReader(line for line in lines if line[0] != "#"):
            at = parse_time(row["time_utc"])
            key = row["container_id"], WASTE[row["waste_type"]]
            rows[key][at] = float(row["fill_pct"])
    curves = []
    for (container, waste), readings in sorted(rows.items()):
        moments = sorted(readings)
        fill = np.array([readings[moment] for moment in moments])
        curves.append(Curve(container, waste, np.array(moments, np.int64), fill))
    return curves


def falls(fill: F64, window: int = WINDOW) -> F64:
    """How far the median of so many readings falls at each one; 0 near the ends."""
    found = np.zeros(len(fill))
    if len(fill) >= 2 * window:
        windows = np.lib.stride_tricks.sliding_window_view(fill, window)
        middle = np.median(windows, axis=1)
        found[window : len(fill) - window + 1] = middle[:-window] - middle[window:]
    return found


def emptyings(fill: F64, least: float = 25) -> Places:
    """The first readings after obvious emptyings: the steepest step of each large
    fall of the medians."""
    fall, step = falls(fill), np.diff(fill, prepend=fill[:1])
    found: list[int] = []
    for i in np.flatnonzero(fall >= least).tolist():
        around = fall[max(0, i - WINDOW) : i + WINDOW + 1]
        if fall[i] < around.max() or (found and i - found[-1] <= WINDOW):
            continue
        best = np.flatnonzero(around == fall[i]) + max(0, i - WINDOW)
        found.append(int(best[np.argmin(step[best])]))
    return np.array(found, np.intp)


def returns(fill: F64, fall: int) -> bool:
    """Whether a fall only ends a spell at 100 %: back to the level before the spell."""
    first = fall
    while first and fill[first - 1] >= FULLEST:
        first -= 1
    if fall - 3 < first or not first:
        return False
    before, after = (np.median(fill[i : i + 3]) for i in (max(0, first - 3), fall))
    return bool(before < FULLEST - 2 * BACK and abs(after - before) <= BACK)
