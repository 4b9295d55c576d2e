"""What the estimate of a fill costs: CPU a reading, and bytes a bin."""

import time
from typing import Any

import numpy as np

from sensorhub.estimate import fill
from sensorhub.estimate.follow import LevelReadings, process_levels
from sensorhub.estimate.record import DayReadings, measure_errors
from sensorhub.estimate.usage import HOUR_MS
from tests.support.bins import MONDAY, deposits, town

ONE, MANY = 1, 1_000


def _us(devices: int, hours: int) -> float:
    """Microseconds a reading, `devices` at once."""
    here, table = town(devices), fill.new_fills(devices)
    rng = np.random.default_rng(1)
    level = np.cumsum(deposits(rng, 30, hours)) % 100
    row, nothing = np.arange(devices), np.zeros(devices, np.bool_)
    people, utc = np.zeros((2, devices), np.int64)
    noise = rng.normal(0, 1.2, (hours, devices))
    began = time.process_time()
    for hour in range(hours):
        at = np.full(devices, MONDAY + hour * HOUR_MS)
        found = process_levels(
            table,
            here,
            LevelReadings(
                row,
                at,
                np.round(level[hour] + noise[hour]),
                offset_ms=utc,
                fresh=nothing,
                stuck=nothing,
            ),
        )
        anew = found.emptied.which | ~np.isnan(table["odds"])
        measured = DayReadings(row, people, at, utc)
        measure_errors(table, here.usage, measured, anew=anew, took=found.took)
    return (time.process_time() - began) / (devices * hours) * 1e6


def fill_cost(hours: int) -> dict[str, Any]:
    """A reading through filter, emptying, chances, and what came of those of before."""
    return {
        "us_in_batch": round(_us(MANY, hours), 2),
        "us_alone": round(_us(ONE, hours), 1),
        "bytes_per_bin": sum(np.dtype(kind).itemsize for kind, _ in fill.SPEC.values()),
    }
