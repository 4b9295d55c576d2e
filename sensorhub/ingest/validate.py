"""Readings against catalogue and clock: accepted, suspect or rejected. Pure.

Works on columns. Every refusal has a named reason; nothing is dropped here.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.model import CATALOGUE, CODES, MeasurementKind, Quality, Reason

AHEAD_MS = 300_000
BEHIND_MS = 30 * 86_400_000
NO_TIME = -(2**62)

_LOW = np.full(CODES, np.inf)
_HIGH = np.full(CODES, -np.inf)
_FLAG = np.zeros(CODES, np.bool_)
for _entry in CATALOGUE:
    _LOW[_entry.no], _HIGH[_entry.no] = _entry.low, _entry.high
    _FLAG[_entry.no] = _entry.kind is MeasurementKind.FLAG


def is_implausible(
    at: NDArray[np.int64], received_at: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mark times more than 300 s ahead of `received_at` or 30 days behind it."""
    return (at > received_at + AHEAD_MS) | (at < received_at - BEHIND_MS)


def settle_times(
    device_time: NDArray[np.int64],
    network_time: NDArray[np.int64],
    received_at: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each uplink's measured_at, and whether the device's own time was replaced.

    The device's time where it is sound, else the network server's, else ours;
    NO_TIME stands for none. All ms.
    """
    missing = device_time == NO_TIME
    wrong = ~missing & is_implausible(device_time, received_at)
    network = (network_time != NO_TIME) & ~is_implausible(network_time, received_at)
    fallback = np.where(network, network_time, received_at)
    return np.where(missing | wrong, fallback, device_time), wrong


def check_ranges(
    code: NDArray[np.uint8], value: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Quality and reason of each value by the catalogue's ranges and flags."""
    quality = np.zeros(len(code), np.uint8)
    reason = np.zeros(len(code), np.uint8)
    outside = ~((value >= _LOW[code]) & (value <= _HIGH[code]))
    outside |= _FLAG[code] & (value != 0) & (value != 1)
    if outside.any():
        quality[outside] = Quality.REJECTED
        reason[outside] = Reason.RANGE
        broken = outside & ~np.isfinite(value)
        reason[broken] = Reason.NOT_A_NUMBER
    return quality, reason
