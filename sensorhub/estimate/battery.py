"""Remaining battery days from a line through the daily means of percent and volt.

The line is fitted with forgetting and without outliers (cold days sag); a sudden gain
is a new battery. Lithium cells hold their voltage until a knee: from there the volt
line is steep and counts. Pure; columns by device.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.tables import DeviceTable
from sensorhub.model import NEVER

DAY_MS = 86_400_000
KNOWN = 10  # days until the slope is believed
MOST = 3650.0  # days
LEVEL, SLOPE = 0.3, 0.08  # weights of a day
ROUGH = 4.0  # times the usual deviation: an outlier
EMPTY = 0.83  # of the highest voltage: lithium 3.6 V ends at 3.0 V
KNEE = 0.96  # of the highest voltage: below it the cell goes down
LOW, A_DAY = 15.0, 2.0  # %; no more than two days for each that is left
RENEWED = 0.25  # of the scale gained in a day: a new battery

SPEC = {
    "day": (np.int64, NEVER),
    "sum": (np.float64, 0),
    "n": (np.float32, 0),
    "level": (np.float64, np.nan),
    "slope": (np.float64, 0),
    "rough": (np.float32, 0),
    "top": (np.float64, 0),
    "days": (np.float32, 0),
}
F64 = NDArray[np.float64]


def new_batteries(devices: int) -> DeviceTable:
    """The states of batteries without readings."""
    return DeviceTable(SPEC, devices)


def look(
    table: DeviceTable, row: NDArray[Any], at: NDArray[np.int64], value: F64, volt: bool
) -> F64:
    """Observe one reading of each device in `row`: % or, for `volt`, V.

    Answers the days left where a day was over and they are known, else NaN.
    """
    day = at // DAY_MS
    before = table["day"][row]
    left = np.full(len(row), np.nan)
    fresh = day > before
    if fresh.any():
        left[fresh] = _turn(table, row[fresh], day[fresh], volt)
    counts = day >= before
    table["sum"][row] += counts * value
    table["n"][row] += counts
    return left


def _turn(
    table: DeviceTable, row: NDArray[Any], day: NDArray[np.int64], volt: bool
) -> NDArray[np.float64]:
    """Begin a new day: the mean of the day before, if any, is added to the line."""
    t: dict[str, NDArray[Any]] = {name: table[name][row] for name in SPEC}
    over = t["n"] > 0
    mean = t["sum"] / np.maximum(t["n"], 1)
    passed = np.where(over, np.minimum(day - t["day"], 30), 1)
    _step(t, over, mean, passed, 1.0 if volt else 100.0)
    t["sum"], t["n"], t["day"] = 0 * mean, 0 * mean, day
    for name, column in t.items():
        table[name][row] = column
    return np.where(over, _left(t, volt), np.nan)


def _step(
    t: dict[str, NDArray[Any]],
    over: NDArray[np.bool_],
    mean: F64,
    passed: F64,
    scale: float,
) -> None:
    """Extend the line by a day that is over."""
    t["top"] = np.where(over, np.maximum(t["top"], mean), t["top"])
    renewed = over & (mean - t["level"] > RENEWED * scale)
    first = over & (np.isnan(t["level"]) | renewed)
    expected = t["level"] + t["slope"] * passed
    error = np.where(first, 0, mean - expected)
    bound = np.maximum(ROUGH * t["rough"], 0.003 * scale)
    error = np.clip(error, -bound, bound)
    weight = 1 - (1 - LEVEL) ** passed
    level = np.where(first, mean, expected + weight * error)
    young = np.maximum(SLOPE, 2 / (t["days"] + 3))
    slope = np.where(first, 0, t["slope"] + young * LEVEL * error / passed)
    rough = t["rough"] + 0.1 * (np.abs(error) - t["rough"])
    t["level"] = np.where(over, level, t["level"])
    t["slope"] = np.where(over, np.minimum(slope, 0), t["slope"])
    t["rough"] = np.where(first, 0, np.where(over, rough, t["rough"]))
    t["days"] = np.where(first, 1, t["days"] + over)
    t["top"] = np.where(renewed, mean, t["top"])


def _left(t: dict[str, NDArray[Any]], volt: bool) -> F64:
    """Days until the line reaches the end; NaN while unknown."""
    slope = np.minimum(t["slope"], -1e-12)
    known = t["days"] >= KNOWN
    if volt:
        known &= t["level"] < KNEE * t["top"]
        rest = t["level"] - EMPTY * t["top"]
        return np.where(known, np.clip(rest / -slope, 0, MOST), np.nan)
    left = np.where(known, np.clip(t["level"] / -slope, 0, MOST), np.nan)
    low = t["level"] <= LOW
    return np.where(low, np.fmin(left, A_DAY * t["level"]), left)
