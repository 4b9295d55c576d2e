"""Segments: some minutes of the journal, sorted by device, cut into slices.

A segment is valid once its row is in `segments`; slices without that row are
leftovers and are deleted. Small segments are merged into bigger ones,
so that a read touches few (`merging`).
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sensorhub.columns import unpack
from sensorhub.store import Connection, slices
from sensorhub.store.hot.counters import get_meta, set_meta
from sensorhub.store.uplink_columns import UplinkColumns, join_columns, stored_columns

CURSOR = "history_cursor"
SLICE_READINGS = 4096
MOST_READINGS = 2_000_000  # of one segment: bounds the memory that making one takes
FULL_READINGS = 250_000  # of a segment that is not merged any more,
FULL = 99  # and its level

SEGMENT_COLUMNS = (
    "id, first_row, last_row, first_at, last_at, received_at, readings, level, chunked"
)


class SegmentRow(NamedTuple):
    """A segment as kept: its journal rows, span of measured_at, newest uplink.

    Readings of devices below number `chunked` have moved into chunks.
    """

    id: int
    first_row: int
    last_row: int
    first_at: int
    last_at: int
    received_at: int
    readings: int
    level: int
    chunked: int


class SliceRow(NamedTuple):
    """A slice to write."""

    first_device: int
    last_device: int
    readings: int
    checksum: int
    body: bytes


@dataclass(slots=True)
class Segment:
    """A segment to write, made from the journal or from those it `replaces`.

    `damaged`: numbers of journal rows, or of slices, whose checksum failed.
    """

    first_row: int
    last_row: int
    received_at: int
    level: int
    replaces: tuple[int, ...] = ()
    first_at: int = 0
    last_at: int = 0
    readings: int = 0
    slices: list[SliceRow] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)

    def fill(self, parts: list[UplinkColumns]) -> None:
        """Take the readings: sort them by device and cut them."""
        parts = [part for part in parts if part.readings]
        if not parts:
            return
        columns = join_columns(parts)
        parts.clear()
        self.readings = columns.readings
        self.first_at, self.last_at = columns.span()
        if self.readings >= FULL_READINGS:
            self.level = FULL
        for part in columns.by_device().cut(SLICE_READINGS):
            body = slices.pack(part)
            first, last = int(part.device[0]), int(part.device[-1])
            row = SliceRow(first, last, part.readings, zlib.crc32(body), body)
            self.slices.append(row)


def cursor(connection: Connection) -> int:
    """The last journal row that has passed into segments."""
    return int(get_meta(connection, CURSOR) or 0)


def waiting(connection: Connection, after_row: int) -> tuple[int, int, int]:
    """Of journal rows after `after_row`: how many, their uplinks, the last one."""
    rows, uplinks, last = connection.execute(
        "SELECT count(*), coalesce(sum(uplinks), 0), coalesce(max(id), ?)"
        " FROM journal WHERE id > ?",
        (after_row, after_row),
    ).fetchone()
    return int(rows), int(uplinks), int(last)


def load(connection: Connection) -> list[SegmentRow]:
    """All segments, in the order of the journal."""
    rows = connection.execute(
        f"SELECT {SEGMENT_COLUMNS} FROM segments ORDER BY first_row"
    )
    return [SegmentRow(*row) for row in rows.fetchall()]


def make_segment(read: Connection, after_row: int, max_uplinks: int) -> Segment | None:
    """A segment of the journal rows after `after_row`; None where there are none.

    Takes up to `max_uplinks`, but at least one row.
    """
    parts: list[UplinkColumns] = []
    segment = None
    uplinks = readings = 0
    for id_, received_at, count, checksum, body in _bodies(read, after_row):
        uplinks += count
        if segment is None:
            segment = Segment(id_, id_, received_at, level=0)
        elif uplinks > max_uplinks or readings > MOST_READINGS:
            break
        segment.last_row = id_
        segment.received_at = max(segment.received_at, received_at)
        columns = unpack_row(checksum, body)
        if columns is None:
            segment.damaged.append(id_)
        else:
            readings += columns.readings
            parts.append(columns)
    if segment is not None:
        segment.fill(parts)
    return segment


def _bodies(
    read: Connection, after_row: int
) -> Iterator[tuple[int, int, int, int, bytes]]:
    while True:
        rows = read.execute(
            "SELECT id, received_at, uplinks, checksum, CAST(body AS BLOB) FROM journal"
            " WHERE id > ? ORDER BY id LIMIT 50",
            (after_row,),
        ).fetchall()
        if not rows:
            return
        yield from rows
        after_row = rows[-1][0]


def unpack_row(checksum: int, body: bytes) -> UplinkColumns | None:
    """The readings of a journal row that go into history; None: it is corrupt."""
    if zlib.crc32(body) != checksum:
        return None
    try:
        return stored_columns(unpack(body))
    except ValueError:
        return None


def unpack_slice(checksum: int, body: bytes) -> UplinkColumns | None:
    """A slice's readings; None: it is corrupt."""
    if zlib.crc32(body) != checksum:
        return None
    try:
        return slices.unpack(body)
    except ValueError:
        return None


def next_number(connection: Connection) -> int:
    """A number that neither a segment nor a leftover slice has."""
    last = connection.execute(
        "SELECT (SELECT max(id) FROM segments), (SELECT max(segment) FROM slices)"
    ).fetchone()
    return max(number or 0 for number in last) + 1


def put_slices(connection: Connection, number: int, rows: Sequence[SliceRow]) -> None:
    """Write slices of a segment to come."""
    connection.executemany(
        "INSERT INTO slices"
        " (segment, first_device, last_device, readings, checksum, body)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(number, *row) for row in rows],
    )


def write(connection: Connection, number: int, segment: Segment) -> bool:
    """Make a segment valid after its slices are written; in the writer's transaction.

    Returns False and writes nothing if the journal has advanced since it was made.
    """
    (count,) = connection.execute(
        "SELECT count(*) FROM slices WHERE segment = ?", (number,)
    ).fetchone()
    if count != len(segment.slices):
        return False
    if segment.replaces:
        if not _replace(connection, segment.replaces):
            return False
    elif cursor(connection) >= segment.first_row:
        return False
    else:
        set_meta(connection, CURSOR, str(segment.last_row))
    if segment.slices:
        connection.execute(
            f"INSERT INTO segments ({SEGMENT_COLUMNS})"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                number,
                segment.first_row,
                segment.last_row,
                segment.first_at,
                segment.last_at,
                segment.received_at,
                segment.readings,
                segment.level,
            ),
        )
    return True


def written(read: Connection, segment: Segment) -> bool:
    """Whether a segment is on disk."""
    if not segment.replaces:
        return cursor(read) >= segment.last_row
    row = read.execute(
        "SELECT 1 FROM segments WHERE id = ?", segment.replaces[:1]
    ).fetchone()
    return row is None


def _replace(connection: Connection, numbers: Sequence[int]) -> bool:
    marks = ", ".join("?" * len(numbers))
    (count,) = connection.execute(
        f"SELECT count(*) FROM segments WHERE chunked = 0 AND id IN ({marks})",
        numbers,
    ).fetchone()
    if count != len(numbers):
        return False
    connection.execute(f"DELETE FROM segments WHERE id IN ({marks})", numbers)
    return True
