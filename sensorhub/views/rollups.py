"""Rollups by hours or days, as plain objects for people and programs."""

from collections.abc import Mapping
from typing import TypedDict

from sensorhub.alerts.event import rfc3339
from sensorhub.model import BY_NAME, BY_NO, MeasurementKind
from sensorhub.store import Connection, downsampled, register_lookup
from sensorhub.store.history import TimeRange
from sensorhub.store.rollups import Bucket, Rollup
from sensorhub.views.listings import spans_of


class RollupView(TypedDict):
    """A bucket as `readings --by --json` prints it; a counter has no mean."""

    at: str | None
    device: str
    measurement: str
    unit: str
    first: float
    min: float
    max: float
    mean: float | None
    last: float
    count: int
    counted: float | None


def rollups_view(
    connection: Connection,
    name: str,
    measurement: str | None,
    span: tuple[int, int],
    *,
    bucket: Bucket,
    zone: str,
) -> list[RollupView] | None:
    """Rollups of an asset, else of a device; None where neither has this name."""
    spans = spans_of(connection, name)
    if spans is None:
        return None
    ids = register_lookup.device_ids(connection)
    found = downsampled.read(
        connection,
        spans=spans,
        period=TimeRange(*span),
        bucket=bucket,
        zone=zone,
        codes=[BY_NAME[measurement].no] if measurement else None,
    )
    return [rollup_view(row, ids) for row in found.rows()]


def rollup_view(row: Rollup, ids: Mapping[int, str]) -> RollupView:
    """Name the fields of a bucket."""
    entry = BY_NO[row.code]
    counter = entry.kind is MeasurementKind.COUNTER
    return {
        "at": rfc3339(row.at),
        "device": ids[row.device],
        "measurement": entry.name,
        "unit": entry.unit,
        "first": row.first,
        "min": row.low,
        "max": row.high,
        "mean": None if counter else row.total / row.readings,
        "last": row.last,
        "count": row.readings,
        "counted": row.total if counter else None,
    }
