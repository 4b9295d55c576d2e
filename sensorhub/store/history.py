"""Reading the past: chunks, segments and journal as one series in order."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sensorhub.columns import I32, unpack_devices
from sensorhub.store import Connection
from sensorhub.store.chunks import MONDAY_MS, WEEK_MS
from sensorhub.store.compaction import unpack_chunk
from sensorhub.store.hot.transactions import snapshot
from sensorhub.store.readings import Readings, in_order, join
from sensorhub.store.segments import cursor, unpack_row, unpack_slice
from sensorhub.store.uplink_columns import UplinkColumns

EVER = 2**62
PAGE_CHUNKS = 500  # of one read transaction


class TimeRange(NamedTuple):
    """From `since` until before `until` (measured_at, ms)."""

    since: int
    until: int


class DeviceSpan(NamedTuple):
    """A device from `since` until before `until` (measured_at, ms)."""

    device: int
    since: int = -EVER
    until: int = EVER


def read(
    connection: Connection,
    *,
    spans: Sequence[DeviceSpan],
    since: int,
    until: int,
    codes: Collection[int] | None = None,
) -> Iterator[Readings]:
    """Readings measured from `since` until before `until` (ms), in order.

    Pages by measured_at, none of them empty; a page takes one read transaction.
    Rejected readings are among them. For up to some hundred devices. What is
    damaged is left out; the making of history sets it aside and tells.
    """
    spans = [s for s in spans if s.since < until and s.until > since]
    if not spans:
        return
    since = max(since, min(s.since for s in spans))
    until = min(until, max(s.until for s in spans))
    devices = sorted({s.device for s in spans})
    page = max(1, PAGE_CHUNKS // len(devices))
    with snapshot(connection):
        blobs = recent_blobs(connection, devices, (since, until))
        weeks = _weeks(connection, devices, (since, until))
        found = _chunks(connection, devices, weeks[:page])
    recent = within(unpack_recent(blobs, devices, codes), spans, (since, until))
    while True:
        # what moves from the recent ones into chunks meanwhile is merged here
        begin, end = since, until
        if len(weeks) > page:
            end = MONDAY_MS + (weeks[page - 1] + 1) * WEEK_MS
        old = [unpack_chunk(d, checksum, b, codes) for d, checksum, b in found]
        parts = join([recent, *(part for part in old if part is not None)])
        result = in_order(within(parts, spans, (begin, end)))
        if len(result):
            yield result
        if end == until:
            return
        since, weeks = end, weeks[page:]
        found = _chunks(connection, devices, weeks[:page])


def read_asset(
    connection: Connection,
    *,
    asset: int,
    since: int,
    until: int,
    codes: Collection[int] | None = None,
) -> Iterator[Readings]:
    """As `read`: what was measured by the devices while mounted on an asset."""
    spans = asset_spans(connection, asset)
    return read(connection, spans=spans, since=since, until=until, codes=codes)


def asset_spans(connection: Connection, asset: int) -> list[DeviceSpan]:
    """Which devices were mounted on an asset, and when."""
    rows = connection.execute(
        "SELECT device, from_at, until_at FROM mountings WHERE asset = ?", (asset,)
    )
    return [
        DeviceSpan(d, -EVER if a is None else a, EVER if b is None else b)
        for d, a, b in rows
    ]


def recent_blobs(
    connection: Connection, devices: Sequence[int], span: tuple[int, int]
) -> tuple[list[tuple[int, int, bytes]], list[tuple[int, bytes]]]:
    """Slices (with the device they begin to count from) and journal rows."""
    segments = connection.execute(
        "SELECT id, chunked FROM segments WHERE last_at >= ? AND first_at < ?", span
    ).fetchall()
    slices: dict[int, tuple[int, int, bytes]] = {}
    for segment, chunked in segments:
        for device in devices[bisect_left(devices, chunked) :]:
            found = connection.execute(
                "SELECT id, last_device FROM slices"
                " WHERE segment = ? AND first_device <= ?"
                " ORDER BY first_device DESC LIMIT 1",
                (segment, device),
            ).fetchone()
            if found and found[1] >= device and found[0] not in slices:
                checksum, body = connection.execute(
                    "SELECT checksum, body FROM slices WHERE id = ?", found[:1]
                ).fetchone()
                slices[found[0]] = (chunked, checksum, body)
    rows = connection.execute(
        "SELECT checksum, CAST(body AS BLOB) FROM journal WHERE id > ?",
        (cursor(connection),),
    )
    return list(slices.values()), rows.fetchall()


def _weeks(
    connection: Connection, devices: Sequence[int], span: tuple[int, int]
) -> list[int]:
    """The weeks of a span that have chunks of any of the devices."""
    first, last = ((at - MONDAY_MS) // WEEK_MS for at in (span[0], span[1] - 1))
    weeks: set[int] = set()
    for device in devices:
        weeks.update(
            week
            for (week,) in connection.execute(
                "SELECT week FROM chunks WHERE device = ? AND week BETWEEN ? AND ?",
                (device, first, last),
            )
        )
    return sorted(weeks)


def _chunks(
    connection: Connection, devices: Sequence[int], weeks: Sequence[int]
) -> list[tuple[int, int, bytes]]:
    if not weeks:
        return []
    found: list[tuple[int, int, bytes]] = []
    for device in devices:
        found += connection.execute(
            "SELECT device, checksum, body FROM chunks"
            " WHERE device = ? AND week BETWEEN ? AND ?",
            (device, weeks[0], weeks[-1]),
        )
    return found


def unpack_recent(
    blobs: tuple[list[tuple[int, int, bytes]], list[tuple[int, bytes]]],
    devices: Sequence[int],
    codes: Collection[int] | None,
) -> Readings:
    """Readings of the devices in what `recent_blobs` found."""
    wanted = np.array(devices, np.int32)
    parts = []
    for chunked, checksum, body in blobs[0]:
        columns = unpack_slice(checksum, body)
        if columns is not None:
            parts.append(_of_devices(columns, wanted[wanted >= chunked]))
    for checksum, body in blobs[1]:
        if not _speaks_of(body, wanted):
            continue
        columns = unpack_row(checksum, body)
        if columns is not None:
            parts.append(_of_devices(columns, wanted))
    readings = join(parts)
    if codes is None:
        return readings
    return readings.take(np.isin(readings.code, list(codes)))


def _speaks_of(body: bytes, wanted: I32) -> bool:
    try:
        return bool(np.isin(unpack_devices(body), wanted).any())
    except ValueError:
        return False


def _of_devices(columns: UplinkColumns, wanted: I32) -> Readings:
    return columns.pick(np.flatnonzero(np.isin(columns.device, wanted))).unfold()


def within(
    readings: Readings, spans: Sequence[DeviceSpan], page: tuple[int, int]
) -> Readings:
    """The readings in `page` that also lie in a span of their device."""
    order = np.argsort(readings.device, kind="stable")
    device, at = readings.device[order], readings.measured_at[order]
    keep = np.zeros(len(order), np.bool_)
    for span in spans:
        a = int(np.searchsorted(device, span.device))
        b = int(np.searchsorted(device, span.device, side="right"))
        since, until = max(span.since, page[0]), min(span.until, page[1])
        keep[a:b] |= (at[a:b] >= since) & (at[a:b] < until)
    return readings.take(order[keep])
