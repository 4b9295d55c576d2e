"""Readings as columns: what history keeps and what a read answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import F64, I32, I64, U8
from sensorhub.model import BY_NO, Quality, Reading, Reason

Index = NDArray[np.intp] | NDArray[np.bool_] | slice


@dataclass(slots=True)
class Readings:
    """One row a reading; times in epoch ms."""

    device: I32
    code: U8
    measured_at: I64
    received_at: I64
    value: F64
    quality: U8
    quality_reason: U8

    def __len__(self) -> int:
        return len(self.device)

    def take(self, index: Index) -> "Readings":
        """The rows that `index` picks."""
        return Readings(*(getattr(self, f.name)[index] for f in fields(self)))

    def by_uplink(self) -> "Readings":
        """By device, uplink and time: what is one point stands together."""
        keys = (self.measured_at, self.received_at, self.device)
        return self.take(np.lexsort(keys))

    def rows(self, ids: Mapping[int, str]) -> Iterator[Reading]:
        """Readings for the edges; `ids` names the devices by number."""
        for row in zip(
            self.measured_at.tolist(),
            self.received_at.tolist(),
            self.device.tolist(),
            self.code.tolist(),
            self.value.tolist(),
            self.quality.tolist(),
            self.quality_reason.tolist(),
            strict=True,
        ):
            measured_at, received_at, device, code, value, quality, reason = row
            yield Reading(
                measured_at,
                received_at,
                ids[device],
                BY_NO[code].name,
                value,
                Quality(quality),
                Reason(reason),
            )


def no_readings() -> Readings:
    """Nothing."""
    i64, u8 = np.empty(0, np.int64), np.empty(0, np.uint8)
    return Readings(np.empty(0, np.int32), u8, i64, i64, np.empty(0), u8, u8)


def join(parts: Sequence[Readings]) -> Readings:
    """All parts, one after the other."""
    if not parts:
        return no_readings()
    if len(parts) == 1:
        return parts[0]
    return Readings(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Readings))
    )


def in_order(readings: Readings) -> Readings:
    """Sorted by measured_at, then device and code; the same reading only once.

    The same: device, measurement, measured_at and value. The first received
    stays, whatever order and whatever levels they came from.
    """
    order = np.lexsort((readings.code, readings.device, readings.measured_at))
    result = readings.take(order)
    if len(result) < 2 or not _alike(result).any():
        return result
    bits = result.value.view(np.int64)
    result = result.take(
        np.lexsort(
            (
                result.quality_reason,
                result.quality,
                result.received_at,
                bits,
                result.code,
                result.device,
                result.measured_at,
            )
        )
    )
    bits = result.value.view(np.int64)
    double = _alike(result) & (bits[1:] == bits[:-1])
    return result.take(np.r_[True, ~double])


def _alike(r: Readings) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (
        (r.measured_at[1:] == r.measured_at[:-1])
        & (r.code[1:] == r.code[:-1])
        & (r.device[1:] == r.device[:-1])
    )
    return same
