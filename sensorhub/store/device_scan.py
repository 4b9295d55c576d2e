"""Read large selections device by device, in bounded memory and short transactions."""

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from sensorhub.store import Connection, downsampled, history
from sensorhub.store.chunks import MONDAY_MS, WEEK_MS
from sensorhub.store.compaction import unpack_chunk
from sensorhub.store.history import DeviceSpan, TimeRange
from sensorhub.store.hot.transactions import snapshot
from sensorhub.store.readings import Readings, in_order, join
from sensorhub.store.rollups import Bucket, Rollups

GROUP = 100  # devices whose newest readings are looked for at one time
FEW = 10  # devices whose rollups are in memory at one time
PAGE_WEEKS = 26


class AssetDeviceSpan(NamedTuple):
    """A device while it was mounted on an asset ("" where on none), by their names."""

    zone: str
    asset: str
    device: str
    span: DeviceSpan


def places(
    connection: Connection,
    zones: Collection[str],
    assets: Collection[str],
    devices: Collection[str],
) -> list[AssetDeviceSpan]:
    """The selected devices on assets, in order; without a selection all."""
    found = [
        AssetDeviceSpan(
            zone, asset, device, DeviceSpan(no, _or(since, -1), _or(until, 1))
        )
        for zone, asset, device, no, since, until in connection.execute(
            "SELECT a.zone, a.id, d.id, d.no, m.from_at, m.until_at FROM mountings m"
            " JOIN assets a ON a.no = m.asset JOIN devices d ON d.no = m.device"
            " ORDER BY a.zone, a.id, m.from_at, d.id"
        )
        if (not zones or zone in zones)
        and (not assets or asset in assets)
        and (not devices or device in devices)
    ]
    if not zones and not assets:
        found += _unmounted(connection, devices)
    return found


def _or(at: int | None, sign: int) -> int:
    return sign * history.EVER if at is None else at


def _unmounted(
    connection: Connection, devices: Collection[str]
) -> Iterator[AssetDeviceSpan]:
    """Devices while they were not mounted."""
    for no, id_ in connection.execute("SELECT no, id FROM devices ORDER BY id"):
        if devices and id_ not in devices:
            continue
        mounted = connection.execute(
            "SELECT from_at, until_at FROM mountings WHERE device = ?", (no,)
        ).fetchall()
        since = -history.EVER
        for a, b in sorted((_or(a, -1), _or(b, 1)) for a, b in mounted):
            if a > since:
                yield AssetDeviceSpan("", "", id_, DeviceSpan(no, since, a))
            since = max(since, b)
        if since < history.EVER:
            yield AssetDeviceSpan("", "", id_, DeviceSpan(no, since))


def readings(
    connection: Connection,
    wanted: Sequence[AssetDeviceSpan],
    span: tuple[int, int],
    codes: Collection[int] | None = None,
) -> Iterator[tuple[int, Readings]]:
    """Yield the position in the selection and some of its readings, in order."""
    for low in range(0, len(wanted), GROUP):
        group = wanted[low : low + GROUP]
        devices = sorted({place.span.device for place in group})
        with snapshot(connection):
            blobs = history.recent_blobs(connection, devices, span)
        recent = history.unpack_recent(blobs, devices, codes)
        for number, place in enumerate(group, low):
            mine = recent.take(recent.device == place.span.device)
            for page in _pages(connection, place.span, mine, span, codes):
                yield number, page


def _pages(
    connection: Connection,
    place: DeviceSpan,
    recent: Readings,
    span: tuple[int, int],
    codes: Collection[int] | None,
) -> Iterator[Readings]:
    since, until = max(span[0], place.since), min(span[1], place.until)
    if since >= until:
        return
    first, last = ((at - MONDAY_MS) // WEEK_MS for at in (since, until - 1))
    weeks = [
        week
        for (week,) in connection.execute(
            "SELECT week FROM chunks WHERE device = ? AND week BETWEEN ? AND ?"
            " ORDER BY week",
            (place.device, first, last),
        ).fetchall()
    ]
    ends = [MONDAY_MS + w * WEEK_MS for w in weeks[PAGE_WEEKS::PAGE_WEEKS]]
    for begin, end in itertools.pairwise([since, *ends, until]):
        parts = [recent, *_chunks(connection, place.device, (begin, end), codes)]
        page = in_order(history.within(join(parts), [place], (begin, end)))
        if len(page):
            yield page


def _chunks(
    connection: Connection,
    device: int,
    span: tuple[int, int],
    codes: Collection[int] | None,
) -> Iterator[Readings]:
    first, last = ((at - MONDAY_MS) // WEEK_MS for at in (span[0], span[1] - 1))
    rows = connection.execute(
        "SELECT checksum, body FROM chunks WHERE device = ? AND week BETWEEN ? AND ?",
        (device, first, last),
    ).fetchall()
    for checksum, body in rows:
        part = unpack_chunk(device, checksum, body, codes)
        if part is not None:
            yield part


def rollups(
    connection: Connection,
    wanted: Sequence[AssetDeviceSpan],
    span: tuple[int, int],
    *,
    bucket: Bucket,
    zone: str,
    codes: Collection[int] | None = None,
) -> Iterator[tuple[int, Rollups]]:
    """Yield the position in the selection and its rollups, in order."""
    for numbers in _few(wanted):
        spans = [wanted[n].span for n in numbers]
        found = downsampled.read(
            connection,
            spans=spans,
            period=TimeRange(*span),
            bucket=bucket,
            zone=zone,
            codes=codes,
        )
        for number in numbers:
            mine = found.take(found.device == wanted[number].span.device)
            if len(mine):
                yield number, mine


def _few(wanted: Sequence[AssetDeviceSpan]) -> Iterator[list[int]]:
    """Batches of positions without a repeated device."""
    numbers: list[int] = []
    devices: set[int] = set()
    for number, place in enumerate(wanted):
        if len(numbers) == FEW or place.span.device in devices:
            yield numbers
            numbers, devices = [], set()
        numbers.append(number)
        devices.add(place.span.device)
    if numbers:
        yield numbers
