"""What is exported, as tables of columns: times in ms, names as text."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from sensorhub.model import BY_NO, Quality, Reason
from sensorhub.store import Connection, device_scan
from sensorhub.store.device_scan import AssetDeviceSpan
from sensorhub.store.readings import Readings
from sensorhub.store.rollups import COUNTERS, Bucket, Rollups

TIMES = ("measured_at", "received_at", "at")
READING = (
    *("zone", "asset", "device", "measurement", "unit", "measured_at", "received_at"),
    *("value", "quality", "reason"),
)
ROLLUP = (
    *("zone", "asset", "device", "measurement", "unit", "at"),
    *("first", "min", "max", "mean", "last", "count", "counted"),
)
Columns = dict[str, list[Any]]


class ExportQuery(NamedTuple):
    """A selection; no `bucket`: the readings themselves. Times in ms."""

    places: Sequence[AssetDeviceSpan]
    since: int
    until: int
    codes: Collection[int] | None
    bucket: Bucket | None
    zone: str


class ExportTable(NamedTuple):
    """Some rows; `done` places lie wholly before them."""

    done: int
    columns: Columns


def names(wanted: ExportQuery) -> tuple[str, ...]:
    """The names of the columns."""
    return READING if wanted.bucket is None else ROLLUP


def tables(connection: Connection, wanted: ExportQuery) -> Iterator[ExportTable]:
    """All rows, in order of zone, asset, device and time."""
    span = wanted.since, wanted.until
    if wanted.bucket is None:
        pages = device_scan.readings(connection, wanted.places, span, wanted.codes)
        for number, page in pages:
            yield ExportTable(number, _readings(wanted.places[number], page))
        return
    found = device_scan.rollups(
        connection,
        wanted.places,
        span,
        bucket=wanted.bucket,
        zone=wanted.zone,
        codes=wanted.codes,
    )
    for number, rolled in found:
        yield ExportTable(number, _rollups(wanted.places[number], rolled))


def _named(workspace: AssetDeviceSpan, code: Sequence[int]) -> Columns:
    entries = {no: BY_NO[no] for no in set(code)}
    n = len(code)
    return {
        "zone": [workspace.zone] * n,
        "asset": [workspace.asset] * n,
        "device": [workspace.device] * n,
        "measurement": [entries[no].name for no in code],
        "unit": [entries[no].unit for no in code],
    }


QUALITIES = {quality.value: quality.name.lower() for quality in Quality}
REASONS = {reason.value: reason.word if reason else None for reason in Reason}


def _readings(workspace: AssetDeviceSpan, r: Readings) -> Columns:
    return _named(workspace, r.code.tolist()) | {
        "measured_at": r.measured_at.tolist(),
        "received_at": r.received_at.tolist(),
        "value": r.value.tolist(),
        "quality": [QUALITIES[q] for q in r.quality.tolist()],
        "reason": [REASONS[reason] for reason in r.quality_reason.tolist()],
    }


def _rollups(workspace: AssetDeviceSpan, r: Rollups) -> Columns:
    counts = np.isin(r.code, COUNTERS).tolist()
    total, number = r.total.tolist(), r.count.tolist()
    return _named(workspace, r.code.tolist()) | {
        "at": r.at.tolist(),
        "first": r.first.tolist(),
        "min": r.low.tolist(),
        "max": r.high.tolist(),
        "mean": [
            None if counter else t / n
            for counter, t, n in zip(counts, total, number, strict=True)
        ],
        "last": r.last.tolist(),
        "count": number,
        "counted": [
            t if counter else None for counter, t in zip(counts, total, strict=True)
        ],
    }
