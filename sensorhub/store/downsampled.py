"""Read readings aggregated by hour or day, from complete rollups where possible.

A block of weeks is read from its rollups unless there is more: readings that are in
no chunk yet, or a mounting that began or ended in it. Such blocks, and those without
rollups, are aggregated from their readings.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from sensorhub.store import Connection
from sensorhub.store.compaction import unpack_chunk
from sensorhub.store.history import (
    DeviceSpan,
    TimeRange,
    recent_blobs,
    unpack_recent,
    within,
)
from sensorhub.store.hot.counters import kept_from
from sensorhub.store.hot.transactions import snapshot
from sensorhub.store.readings import Readings, in_order
from sensorhub.store.readings import join as join_readings
from sensorhub.store.rollup_blocks import (
    BLOCK_MS,
    BLOCK_WEEKS,
    TABLES,
    begin_of,
    sound,
)
from sensorhub.store.rollups import (
    DAY_MS,
    HOUR_MS,
    Bucket,
    Rollups,
    begins,
    combine,
    days_of,
    no_rollups,
    summarize,
)

Key = tuple[int, int]  # device and block
EARLIEST, LATEST = 0, 10**13  # 1970 to 2286
LONGEST = {Bucket.HOUR: HOUR_MS, Bucket.DAY: 36 * HOUR_MS}  # and not two of them


def read(
    connection: Connection,
    *,
    spans: Sequence[DeviceSpan],
    period: TimeRange,
    bucket: Bucket,
    zone: str = "UTC",
    codes: Collection[int] | None = None,
) -> Rollups:
    """Read the buckets of a period, from the one that holds its start, in order.

    Days begin at midnight of `zone`. Only what was measured within `spans` counts.
    For some devices over some years; one read transaction.
    """
    since, until = max(period.since, EARLIEST), min(period.until, LATEST)
    if since >= until:
        return no_rollups()
    first = _begin(since, bucket, zone)
    until = _begin(_begin(until - 1, bucket, zone) + LONGEST[bucket], bucket, zone)
    spans = [s for s in spans if s.since < until and s.until > first]
    if not spans:
        return no_rollups()
    page = (first, until)
    devices = sorted({s.device for s in spans})
    with snapshot(connection):
        blobs = recent_blobs(connection, devices, page)
        recent = within(unpack_recent(blobs, devices, codes), spans, page)
        odd = _told_otherwise(recent, spans, page)
        rows = _Rows(connection, devices, page)
        stored = list(rows.rolled(bucket, zone, odd, codes))
        raw = list(rows.unpacked(codes))
    fresh = in_order(within(join_readings([recent, *raw]), spans, page))
    return combine(
        [_inside(r, spans, page) for r in stored] + [summarize(fresh, bucket, zone)]
    )


def _begin(at: int, bucket: Bucket, zone: str) -> int:
    return int(begins(np.array([at]), bucket, zone)[0])


def _told_otherwise(
    recent: Readings, spans: Sequence[DeviceSpan], page: tuple[int, int]
) -> set[Key]:
    """Blocks whose rollups are incomplete or cover too much."""
    blocks = ((recent.measured_at - begin_of(0)) // BLOCK_MS).tolist()
    odd = set(zip(recent.device.tolist(), blocks, strict=True))
    for span in spans:
        for edge in (span.since, span.until):
            if page[0] < edge < page[1]:
                # a day may lie in two blocks
                for near in (edge - DAY_MS, edge, edge + DAY_MS):
                    odd.add((span.device, (near - begin_of(0)) // BLOCK_MS))
    return odd


class _Rows:
    """Stored rollups of some devices and blocks, and the chunks without rollups."""

    def __init__(
        self,
        connection: Connection,
        devices: Sequence[int],
        page: tuple[int, int],
    ) -> None:
        self._connection = connection
        self._devices = devices
        first, last = ((at - begin_of(0)) // BLOCK_MS for at in (page[0], page[1] - 1))
        self._blocks = first, last
        self._weeks = first * BLOCK_WEEKS, last * BLOCK_WEEKS + BLOCK_WEEKS - 1
        self._done: set[Key] = set()

    def _rolled(self, bucket: Bucket) -> Iterator[tuple[int, int, int, bytes]]:
        for device in self._devices:
            yield from self._connection.execute(
                f"SELECT device, block, checksum, body FROM {TABLES[bucket]}"
                " WHERE device = ? AND block BETWEEN ? AND ?",
                (device, *self._blocks),
            )

    def rolled(
        self, bucket: Bucket, zone: str, odd: set[Key], codes: Collection[int] | None
    ) -> Iterator[Rollups]:
        """Rollups of all blocks except those that are read from readings."""
        kept = kept_from(self._connection)
        odd = {key for key in odd if begin_of(key[1]) >= kept}
        foreign: dict[Key, Rollups] = {}
        for row in self._rolled(bucket):
            if row[:2] in odd or (found := sound(row, codes)) is None:
                continue
            self._done.add(row[:2])
            if bucket is Bucket.DAY and found[1] != zone:
                foreign[row[:2]] = found[0]
            else:
                yield found[0]
        if foreign:  # days that were cut in another zone: of hours, if there are any
            for row in self._rolled(Bucket.HOUR):
                if row[:2] in foreign and (found := sound(row, codes)) is not None:
                    foreign[row[:2]] = days_of(found[0], zone)
        yield from foreign.values()

    def unpacked(self, codes: Collection[int] | None) -> Iterator[Readings]:
        """Readings of chunks without rollups."""
        for device in self._devices:
            weeks = self._connection.execute(
                "SELECT week FROM chunks WHERE device = ? AND week BETWEEN ? AND ?",
                (device, *self._weeks),
            ).fetchall()
            for (week,) in weeks:
                if (device, week // BLOCK_WEEKS) in self._done:
                    continue
                checksum, body = self._connection.execute(
                    "SELECT checksum, body FROM chunks WHERE device = ? AND week = ?",
                    (device, week),
                ).fetchone()
                found = unpack_chunk(device, checksum, body, codes)
                if found is not None:
                    yield found


def _inside(
    rollups: Rollups, spans: Sequence[DeviceSpan], page: tuple[int, int]
) -> Rollups:
    keep = np.zeros(len(rollups), np.bool_)
    for span in spans:
        since, until = max(span.since, page[0]), min(span.until, page[1])
        keep |= (
            (rollups.device == span.device)
            & (rollups.at >= since)
            & (rollups.at < until)
        )
    return rollups.take(keep)
