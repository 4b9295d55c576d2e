"""Merge small segments, so that a read touches few."""

from collections.abc import Sequence

from sensorhub.store import Connection
from sensorhub.store.segments import (
    FULL,
    FULL_READINGS,
    Segment,
    SegmentRow,
    unpack_slice,
)
from sensorhub.store.uplink_columns import UplinkColumns

FANOUT = 8  # so many of a level become one of the next


def to_merge(rows: Sequence[SegmentRow]) -> list[SegmentRow]:
    """The segments that should be merged; empty: none.

    The oldest of a level that has FANOUT of them, as far as they fit into one.
    """
    levels: dict[int, list[SegmentRow]] = {}
    for row in rows:
        if row.level != FULL and not row.chunked:
            levels.setdefault(row.level, []).append(row)
    crowded = [level for level, many in levels.items() if len(many) >= FANOUT]
    if not crowded:
        return []
    chosen: list[SegmentRow] = []
    total = 0
    for row in levels[min(crowded)]:
        total += row.readings
        if len(chosen) == FANOUT or total > 2 * FULL_READINGS:
            break
        chosen.append(row)
    return chosen


def merge(read: Connection, rows: Sequence[SegmentRow]) -> Segment:
    """Merge several segments into one."""
    segment = Segment(
        first_row=rows[0].first_row,
        last_row=rows[-1].last_row,
        received_at=max(row.received_at for row in rows),
        level=rows[0].level + 1,
        replaces=tuple(row.id for row in rows),
    )
    parts: list[UplinkColumns] = []
    for row in rows:
        found = read.execute(
            "SELECT id, checksum, body FROM slices WHERE segment = ?"
            " ORDER BY first_device",
            (row.id,),
        ).fetchall()
        for id_, checksum, body in found:
            columns = unpack_slice(checksum, body)
            if columns is None:
                segment.damaged.append(id_)
            else:
                parts.append(columns)
    segment.fill(parts)
    return segment
