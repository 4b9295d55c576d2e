"""Quality of a sensor's readings: stuck values, leaps, lost echoes, blind zone.

Each device is judged by its own habits: how often it repeats a reading, how long its
runs are, between which ends it moves. Pure; columns by device; at most one reading a
device in a call.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.tables import DeviceTable
from sensorhub.model import NEVER, Reason

HOUR_MS = 3_600_000
KNOWN = 24  # readings until its habits are known
SURPRISE = 11.0  # -ln of the chance of such a run
SLOWEST = 0.01  # weight of a reading in the share of repeats
FADES = 0.002  # of the longest run, a reading
LEAP, NEAR, STOOD = 0.35, 0.15, 0.5  # shares of the span between both ends
FRESH_MS = 6 * HOUR_MS  # from the reading before, for a leap
HITS = 3  # at its nearest end: a blind zone
BAD = 0.05  # weight of a reading in the share of bad ones

SPEC = {
    "at": (np.int64, NEVER),
    "code": (np.uint8, 0),
    "value": (np.float64, np.nan),
    "run": (np.float32, 0),
    "began": (np.int64, NEVER),
    "seen": (np.float32, 0),
    "repeats": (np.float32, 0.5),
    "longest": (np.float32, 0),
    "top": (np.float64, -np.inf),
    "bottom": (np.float64, np.inf),
    "hits": (np.float32, 0),
    "good": (np.float64, np.nan),
    "pending": (np.float64, np.nan),
    "lost": (np.float64, np.nan),
    "stood": (np.bool_, 0),
    "bad": (np.float32, 0),
}
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


class EchoVerdicts(NamedTuple):
    """By reading: model.Reason (0: none), hours stuck, share of bad ones (%)."""

    quality_reason: NDArray[np.uint8]
    stuck_h: F64
    bad: F64


def new_echoes(devices: int) -> DeviceTable:
    """The states of devices without readings."""
    return DeviceTable(SPEC, devices)


def look(
    table: DeviceTable,
    row: NDArray[Any],
    at: NDArray[np.int64],
    near: F64,
    level: Flags,
) -> EchoVerdicts:
    """Judge one reading of each device in `row`, each newer than the one before.

    `near`: the larger, the nearer is what is measured (or the more gas there is);
    `level`: it is an echo, so that leaps count.
    """
    t: dict[str, NDArray[Any]] = {name: table[name][row] for name in SPEC}
    known = t["seen"] >= KNOWN
    top, bottom = near >= t["top"], near <= t["bottom"]
    t["hits"] = np.where(near > t["top"], 1, t["hits"] + (near == t["top"]))
    stuck = _runs(t, at, near, known, top | bottom)
    t["top"], t["bottom"] = np.maximum(t["top"], near), np.minimum(t["bottom"], near)
    reason = np.zeros(len(row), np.uint8)
    reason[(top & known & (t["hits"] >= HITS))] = Reason.BLIND_ZONE
    _leaps(t, at, near, known & level, reason)
    reason[(reason == Reason.BLIND_ZONE) & ~level] = Reason.SATURATED
    reason[stuck] = Reason.STUCK
    t["at"], t["value"] = at, near
    t["seen"] = t["seen"] + 1
    for name, column in t.items():
        table[name][row] = column
    hours = np.where(stuck, (at - t["began"]) / HOUR_MS, 0.0)
    return EchoVerdicts(reason, hours, 100.0 * t["bad"])


def _runs(
    t: dict[str, NDArray[Any]],
    at: NDArray[np.int64],
    near: F64,
    known: Flags,
    ends: Flags,
) -> Flags:
    """Count repeats; which devices repeat a value for longer than is usual for them.

    At its ends a sensor repeats itself for good reason.
    """
    first = np.isnan(t["value"])
    same = near == t["value"]
    was_stuck = _too_long(t) & known
    run = np.where(same & ~ends, t["run"] + 1, 0)
    habit = ~first & ~ends & ~was_stuck
    weight = np.maximum(1 / (t["seen"] + 2), SLOWEST)
    t["repeats"] = t["repeats"] + habit * weight * (same - t["repeats"])
    over = habit & ~same
    longest = t["longest"] * (1 - FADES)
    t["longest"] = np.where(over, np.maximum(longest, t["run"]), longest)
    t["began"] = np.where(same & ~ends, t["began"], at)
    t["run"] = run
    return _too_long(t) & known


def _too_long(t: dict[str, NDArray[Any]]) -> Flags:
    by_chance = SURPRISE / -np.log(np.clip(t["repeats"], 0.02, 0.97))
    long: Flags = t["run"] > np.maximum(by_chance, 1.5 * t["longest"] + 2)
    return long


def _leaps(
    t: dict[str, NDArray[Any]],
    at: NDArray[np.int64],
    near: F64,
    judged: Flags,
    reason: NDArray[np.uint8],
) -> None:
    """Hold leaps up until a second reading; falls to the far end may be lost echoes."""
    span = np.maximum(t["top"] - t["bottom"], 1e-9)
    leap = (near - np.where(np.isnan(t["good"]), near, t["good"])) / span
    fresh = judged & (at - t["at"] <= FRESH_MS)
    waits = ~np.isnan(t["pending"])
    agrees = waits & (np.abs(near - t["pending"]) <= NEAR * span)
    up = fresh & (leap > LEAP) & ~agrees
    spike = fresh & waits & ~agrees & ~up & (np.abs(leap) <= NEAR)
    fell = fresh & (leap < -LEAP) & (near <= t["bottom"])
    back = fresh & ~np.isnan(t["lost"]) & (np.abs(near - t["lost"]) <= NEAR * span)
    reason[up & ~back] = Reason.JUMP
    reason[fell] = Reason.NO_ECHO
    stood = np.where(agrees, leap > STOOD, t["stood"] & (near == t["value"]))
    reason[stood & (t["run"] >= 2)] = Reason.OBSTRUCTED
    t["stood"] = stood
    t["lost"] = np.where(fell, t["good"], np.nan)
    t["pending"] = np.where(up & ~back, near, np.nan)
    t["good"] = np.where(up & ~back, t["good"], near)
    t["bad"] = t["bad"] + judged * BAD * ((spike | back) - t["bad"])
