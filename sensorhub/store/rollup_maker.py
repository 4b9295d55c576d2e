"""Making rollups: of every block that is over, once its chunks are made.

Chunks of an older version get theirs in the same way; a block into which late
readings came lost its rollups and gets new ones.
"""

from collections.abc import Iterator
from functools import partial

from sensorhub.store import Connection, rollup_blocks
from sensorhub.store.compaction import unpack_chunk
from sensorhub.store.jobs import WriteJob
from sensorhub.store.readings import in_order, join
from sensorhub.store.rollup_blocks import BLOCK_MS, BLOCK_WEEKS, RollupRow
from sensorhub.store.rollups import DAY_MS, Bucket

SETTLED_MS = 3 * DAY_MS  # after the end of a block
LOOK_DEVICES = 500  # of one read
WRITE_BYTES = 200_000  # of one transaction

_MISSING = (
    f"SELECT DISTINCT device, week / {BLOCK_WEEKS} FROM chunks"
    " WHERE device BETWEEN :low AND :high AND week < :end"
    " EXCEPT SELECT device, block FROM rollups_day"
    " WHERE device BETWEEN :low AND :high ORDER BY 1, 2"
)
Rows = dict[Bucket, list[RollupRow]]


def over(now: int) -> int:
    """The first block that is not over and settled at `now` (ms)."""
    return (now - SETTLED_MS - rollup_blocks.begin_of(0)) // BLOCK_MS


def jobs(read: Connection, now: int, zone: str) -> Iterator[WriteJob]:
    """Make what is missing, step by step."""
    (last,) = read.execute("SELECT max(device) FROM chunks").fetchone()
    for low in range(0, (last or 0) + 1, LOOK_DEVICES):
        high = low + LOOK_DEVICES - 1
        ends = {"low": low, "high": high, "end": over(now) * BLOCK_WEEKS}
        rows: Rows = {bucket: [] for bucket in Bucket}
        size = 0
        for key in read.execute(_MISSING, ends).fetchall():
            for bucket, row in make(read, key, zone).items():
                rows[bucket].append(row)
                size += len(row.body)
            if size >= WRITE_BYTES:
                yield partial(write, rows=rows)
                rows, size = {bucket: [] for bucket in Bucket}, 0
        if size:
            yield partial(write, rows=rows)


def make(read: Connection, key: tuple[int, int], zone: str) -> dict[Bucket, RollupRow]:
    """Rollups of a block, out of its chunks; the next round sees what is damaged."""
    device, block = key
    found = read.execute(
        "SELECT checksum, body FROM chunks WHERE device = ? AND week BETWEEN ? AND ?"
        " ORDER BY week",
        (device, block * BLOCK_WEEKS, block * BLOCK_WEEKS + BLOCK_WEEKS - 1),
    ).fetchall()
    parts = [unpack_chunk(device, *row) for row in found]
    readings = in_order(join([part for part in parts if part is not None]))
    return rollup_blocks.rows_of(readings, key, zone)


def write(connection: Connection, rows: Rows) -> None:
    """Write rollups in the writer's transaction."""
    for bucket, made in rows.items():
        rollup_blocks.put(connection, bucket, made)
