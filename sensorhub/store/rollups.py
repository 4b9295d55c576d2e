"""Rollups: what a device measured in an hour or a day, in seven numbers.

Rejected readings are not among them. A day begins at midnight of the town's zone,
an hour at the full hour of UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import F64, I32, I64, U8
from sensorhub.model import CATALOGUE, MeasurementKind, Quality
from sensorhub.store.readings import Readings
from sensorhub.store.uplink_columns import SCALES

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MOST_STEPS, NEAR = 2.0**40, 1e-4  # of sums that are taken for whole steps
COUNTERS = np.array(
    [e.no for e in CATALOGUE if e.kind is MeasurementKind.COUNTER], np.uint8
)
Index = NDArray[np.intp] | NDArray[np.bool_] | slice


class Bucket(StrEnum):
    """How long a bucket is."""

    HOUR = "hour"
    DAY = "day"


class Rollup(NamedTuple):
    """One bucket; see `Rollups`."""

    device: int
    code: int
    at: int
    readings: int
    first: float
    low: float
    high: float
    last: float
    total: float


@dataclass(slots=True)
class Rollups:
    """One row a bucket, that begins at `at` (ms) and has `count` readings.

    `total` is their sum; of a counter it is what was counted in the bucket, where
    a step down is a new start from zero.
    """

    device: I32
    code: U8
    at: I64
    count: I64
    first: F64
    low: F64
    high: F64
    last: F64
    total: F64

    def __len__(self) -> int:
        return len(self.device)

    def take(self, index: Index) -> "Rollups":
        """The rows that `index` picks."""
        return Rollups(*(getattr(self, f.name)[index] for f in fields(self)))

    def rows(self) -> Iterator[Rollup]:
        """Buckets for the edges."""
        columns = [getattr(self, f.name).tolist() for f in fields(self)]
        return map(Rollup._make, zip(*columns, strict=True))

    @property
    def mean(self) -> F64:
        """Mean value; NaN of counters, whose mean says nothing."""
        return np.where(np.isin(self.code, COUNTERS), np.nan, self.total / self.count)


def no_rollups() -> Rollups:
    """Nothing."""
    i64, f64 = np.empty(0, np.int64), np.empty(0)
    i32, u8 = i64.astype(np.int32), i64.astype(np.uint8)
    return Rollups(i32, u8, i64, i64, f64, f64, f64, f64, f64)


def join(parts: Sequence[Rollups]) -> Rollups:
    """All parts, one after the other."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return no_rollups()
    if len(parts) == 1:
        return parts[0]
    return Rollups(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Rollups))
    )


def begins(at: I64, bucket: Bucket, zone: str) -> I64:
    """When the buckets of these times begin (ms)."""
    if bucket is Bucket.HOUR or not len(at):
        return at - at % HOUR_MS
    days = np.unique(at // DAY_MS)
    around = np.unique(np.r_[days - 1, days, days + 1]).tolist()
    midnights = np.array([_midnight(day, zone) for day in around], np.int64)
    result: I64 = midnights[np.searchsorted(midnights, at, side="right") - 1]
    return result


@lru_cache(10_000)
def _midnight(day: int, zone: str) -> int:
    """When a day (1970-01-01 is 0) begins in a zone, ms."""
    begun = date(1970, 1, 1) + timedelta(day)
    start = datetime(begun.year, begun.month, begun.day, tzinfo=ZoneInfo(zone))
    return round(start.timestamp() * 1000)


def summarize(readings: Readings, bucket: Bucket, zone: str) -> Rollups:
    """Rollups of readings that are in order of time and none of them twice."""
    r = readings.take(readings.quality != Quality.REJECTED)
    if not len(r):
        return no_rollups()
    order = np.argsort(r.code, kind="stable")
    order = order[np.argsort(r.device[order], kind="stable")]
    r = r.take(order)
    at = begins(r.measured_at, bucket, zone)
    new = (at[1:] != at[:-1]) | (r.code[1:] != r.code[:-1])
    new |= r.device[1:] != r.device[:-1]
    starts = np.flatnonzero(np.r_[True, new])
    ends = np.r_[starts[1:], len(r)] - 1
    return Rollups(
        device=r.device[starts],
        code=r.code[starts],
        at=at[starts],
        count=ends - starts + 1,
        first=r.value[starts],
        low=np.minimum.reduceat(r.value, starts),
        high=np.maximum.reduceat(r.value, starts),
        last=r.value[ends],
        total=_totals(r, starts),
    )


def _totals(r: Readings, starts: NDArray[np.intp]) -> F64:
    value = r.value
    counters = np.isin(r.code, COUNTERS)
    if counters.any():
        counted = np.r_[0.0, _counted(value[:-1], value[1:])]
        counted[starts] = 0.0
        value = np.where(counters, counted, value)
    return _sums(value, r.code, starts)


def _counted(before: F64, after: F64) -> F64:
    """What counters counted from one reading to the next."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(after < before, after, after - before)


def _sums(value: F64, code: U8, starts: NDArray[np.intp]) -> F64:
    """Sums; in whole steps of the measurement where they are as good as that."""
    scale = SCALES[code[starts]]
    with np.errstate(over="ignore", invalid="ignore"):
        total: F64 = np.add.reduceat(value, starts)
        steps = np.rint(total * scale)
        near = (np.abs(total * scale - steps) < NEAR) & (np.abs(steps) < MOST_STEPS)
    return np.where(near, steps / scale, total)


def combine(parts: Sequence[Rollups]) -> Rollups:
    """One row a bucket, device and measurement, in this order; parts are by time."""
    r = join(parts)
    if not len(r):
        return r
    r = r.take(np.lexsort((r.at, r.code, r.device)))
    new = (r.at[1:] != r.at[:-1]) | (r.code[1:] != r.code[:-1])
    new |= r.device[1:] != r.device[:-1]
    if not new.all():
        r = _merge(r, np.flatnonzero(np.r_[True, new]))
    return r.take(np.lexsort((r.code, r.device, r.at)))


def _merge(r: Rollups, starts: NDArray[np.intp]) -> Rollups:
    ends = np.r_[starts[1:], len(r)] - 1
    between = np.r_[0.0, _counted(r.last[:-1], r.first[1:])]
    between[starts] = 0.0
    total = r.total + np.where(np.isin(r.code, COUNTERS), between, 0.0)
    return Rollups(
        device=r.device[starts],
        code=r.code[starts],
        at=r.at[starts],
        count=np.add.reduceat(r.count, starts),
        first=r.first[starts],
        low=np.minimum.reduceat(r.low, starts),
        high=np.maximum.reduceat(r.high, starts),
        last=r.last[ends],
        total=_sums(total, r.code, starts),
    )


def days_of(hours: Rollups, zone: str) -> Rollups:
    """Days out of hours."""
    at = begins(hours.at, Bucket.DAY, zone)
    return combine([replace(hours, at=at)])
