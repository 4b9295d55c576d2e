"""The bytes of a block's rollups of one device, and the rows that hold them.

A block is four weeks. A bucket of one reading needs its value only; of larger ones
the other numbers are kept as what they are away from where one would guess them.
Each measurement has columns of its own: their bytes have nothing in common.
"""

import itertools
import zlib
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from sensorhub.columns import F64, I64
from sensorhub.store import Connection
from sensorhub.store.chunks import MONDAY_MS, WEEK_MS
from sensorhub.store.column_packing import (
    Ints,
    Mask,
    deflate,
    deflate_ints,
    inflate,
    inflate_ints,
    pack_ints,
    pack_smoother,
    pack_steps,
    to_ints,
    unpack_ints,
)
from sensorhub.store.readings import Readings
from sensorhub.store.rollups import (
    COUNTERS,
    MOST_STEPS,
    Bucket,
    Rollups,
    combine,
    join,
    summarize,
)
from sensorhub.store.uplink_columns import DECIMALS

BLOCK_WEEKS = 4
BLOCK_MS = BLOCK_WEEKS * WEEK_MS
MINUTE_MS = 60_000
TABLES = {Bucket.HOUR: "rollups_hour", Bucket.DAY: "rollups_day"}
VALUES = ("first", "low", "high", "last", "total")


class RollupRow(NamedTuple):
    """A row to write; the table says how long its buckets are."""

    device: int
    block: int
    checksum: int
    body: bytes


class _RollupSeries(msgspec.Struct, array_like=True):
    code: int
    decimals: int
    buckets: int
    at: Ints  # minutes after the block's begin
    count: Ints
    last: Ints
    many: int  # buckets of several readings; of these alone:
    first: Ints
    low: Ints
    high: Ints
    total: Ints
    odd_at: Ints  # buckets that are no whole steps
    odd: bytes


class _RollupBody(msgspec.Struct, array_like=True):
    zone: str
    series: list[_RollupSeries]


def begin_of(block: int) -> int:
    """When a block begins, ms."""
    return MONDAY_MS + block * BLOCK_MS


def rows_of(
    readings: Readings, key: tuple[int, int], zone: str
) -> dict[Bucket, RollupRow]:
    """Rollups of a device's readings in one block; `key` names both."""
    return {
        bucket: _row(summarize(readings, bucket, zone), key, zone) for bucket in Bucket
    }


def _row(rollups: Rollups, key: tuple[int, int], zone: str) -> RollupRow:
    body = pack(rollups, key[1], zone)
    return RollupRow(*key, zlib.crc32(body), body)


def put(connection: Connection, bucket: Bucket, rows: Sequence[RollupRow]) -> None:
    """Write rows in the caller's transaction, over what was there."""
    connection.executemany(
        f"INSERT INTO {TABLES[bucket]} (device, block, checksum, body)"
        " VALUES (?, ?, ?, ?) ON CONFLICT (device, block) DO UPDATE SET"
        " checksum = excluded.checksum, body = excluded.body",
        rows,
    )


def add_to(connection: Connection, bucket: Bucket, row: RollupRow, zone: str) -> None:
    """Add late readings' rollups to those of a block whose readings are gone."""
    parts = [unpack(row.device, row.block, row.body)[0]]
    found = connection.execute(
        "SELECT device, block, checksum, body"
        f" FROM {TABLES[bucket]} WHERE device = ? AND block = ?",
        row[:2],
    ).fetchone()
    if found is not None and (before := sound(found)) is not None:
        parts.insert(0, before[0])
    put(connection, bucket, [_row(combine(parts), row[:2], zone)])


def forget(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    """Delete rollups (device, block) that are to be made anew."""
    for table in TABLES.values():
        connection.executemany(
            f"DELETE FROM {table} WHERE device = ? AND block = ?", keys
        )


def sound(
    row: tuple[int, int, int, bytes], codes: Collection[int] | None = None
) -> tuple[Rollups, str] | None:
    """Rollups of a row (device, block, checksum, body), and the zone of their days.

    None where it is damaged.
    """
    device, block, checksum, body = row
    if zlib.crc32(body) != checksum:
        return None
    try:
        return unpack(device, block, body, codes)
    except ValueError:
        return None


def pack(rollups: Rollups, block: int, zone: str) -> bytes:
    """A row's body: one device and block."""
    r = rollups.take(np.lexsort((rollups.at, rollups.code)))
    cuts = [0, *(np.flatnonzero(np.diff(r.code)) + 1).tolist(), len(r)]
    series = [
        _series(r.take(slice(a, b)), begin_of(block))
        for a, b in itertools.pairwise(cuts)
        if b > a
    ]
    return msgspec.msgpack.encode(_RollupBody(zone, series))


def _series(r: Rollups, begin: int) -> _RollupSeries:
    code = int(r.code[0])
    (first, low, high, last, total), sound = _steps(r, 10.0 ** DECIMALS[code])
    odd = np.flatnonzero(~sound)
    many = r.count > 1
    values = np.stack([getattr(r, name)[odd] for name in VALUES])
    return _RollupSeries(
        code=code,
        decimals=DECIMALS[code],
        buckets=len(r),
        at=deflate_ints(pack_steps((r.at - begin) // MINUTE_MS)),
        count=deflate_ints(pack_ints(r.count)),
        last=deflate_ints(pack_smoother(last)),
        many=int(many.sum()),
        first=deflate_ints(pack_ints((first - last)[many])),
        low=deflate_ints(pack_ints((np.minimum(first, last) - low)[many])),
        high=deflate_ints(pack_ints((high - np.maximum(first, last))[many])),
        total=deflate_ints(pack_ints((total - r.count * (low + high) // 2)[many])),
        odd_at=deflate_ints(pack_steps(odd)),
        odd=deflate(values.tobytes()),
    )


def _steps(r: Rollups, scale: float) -> tuple[list[I64], Mask]:
    """The values as whole steps, and which buckets can be stored so."""
    found = [to_ints(getattr(r, name), scale, MOST_STEPS) for name in VALUES]
    sound = np.logical_and.reduce([exact for _, exact in found])
    single = (r.first == r.last) & (r.low == r.last) & (r.high == r.last)
    alone = 0.0 if r.code[0] in COUNTERS else r.last
    sound &= (r.count > 1) | (single & (r.total == alone))
    steps = [np.where(sound, values, 0).astype(np.int64) for values, _ in found]
    return steps, sound


def unpack(
    device: int, block: int, body: bytes, codes: Collection[int] | None = None
) -> tuple[Rollups, str]:
    """Rollups (of `codes`), and the zone of their days. ValueError when damaged."""
    try:
        packed = msgspec.msgpack.decode(body, type=_RollupBody)
        parts = [
            _unpack(device, begin_of(block), series)
            for series in packed.series
            if codes is None or series.code in codes
        ]
    except (msgspec.MsgspecError, zlib.error) as error:
        raise ValueError(f"damaged rollups: {error}") from error
    return join(parts), packed.zone


def _unpack(device: int, begin: int, packed: _RollupSeries) -> Rollups:
    n, m = packed.buckets, packed.many
    count = unpack_ints(inflate_ints(packed.count), n)
    last = unpack_ints(inflate_ints(packed.last), n)
    many = count > 1
    first, low, high, total = (last.copy() for _ in range(4))
    first[many] += unpack_ints(inflate_ints(packed.first), m)
    low[many] = np.minimum(first, last)[many] - unpack_ints(inflate_ints(packed.low), m)
    high[many] = np.maximum(first, last)[many] + unpack_ints(
        inflate_ints(packed.high), m
    )
    middle = (count * (low + high) // 2)[many]
    total[many] = middle + unpack_ints(inflate_ints(packed.total), m)
    if packed.code in COUNTERS:
        total[~many] = 0
    values: F64 = np.stack([first, low, high, last, total]) / 10.0**packed.decimals
    odd = np.frombuffer(inflate(packed.odd)).reshape(len(VALUES), -1)
    values[:, unpack_ints(inflate_ints(packed.odd_at), odd.shape[1])] = odd
    return Rollups(
        np.full(n, device, np.int32),
        np.full(n, packed.code, np.uint8),
        begin + unpack_ints(inflate_ints(packed.at), n) * MINUTE_MS,
        count,
        *values,
    )
