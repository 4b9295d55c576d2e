"""Compaction: old segments become chunks, a few devices at a time.

A round takes several segments and goes up through the device numbers. Each of
its transactions writes the chunks of some devices and moves the segments'
`chunked` mark past them, so that a crash repeats at most the making of these.
"""

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sensorhub.store import Connection, chunks, rollup_blocks
from sensorhub.store.hot import counters
from sensorhub.store.hot.counters import kept_from
from sensorhub.store.hot.damaged_rows import set_aside_chunk, set_aside_slice
from sensorhub.store.readings import Readings, in_order, join
from sensorhub.store.rollup_blocks import RollupRow
from sensorhub.store.rollups import Bucket
from sensorhub.store.segments import FULL, SegmentRow, unpack_slice

WINDOW_READINGS = 300_000  # held in memory at one time
WRITE_ROWS = 200  # of one transaction
WRITE_BYTES = 200_000
MOST_SEGMENTS = 250  # beyond these a round begins early
MERGED = "readings_merged"

ChunkRow = tuple[int, int, int, int, bytes]


@dataclass(slots=True)
class CompactionStep:
    """One transaction of a round: what becomes of devices `low` to below `high`.

    `high` is None at the end: the segments have become chunks entirely.
    """

    segments: tuple[int, ...]
    low: int
    high: int | None
    rows: list[ChunkRow] = field(default_factory=list)
    stale: list[tuple[int, int]] = field(default_factory=list)
    late: list[tuple[Bucket, RollupRow, str]] = field(default_factory=list)
    merged: int = 0
    damaged_chunks: list[tuple[int, int]] = field(default_factory=list)
    damaged_slices: list[int] = field(default_factory=list)
    size: int = 0


def due(
    rows: Sequence[SegmentRow], now: int, after_ms: float, force: bool = False
) -> list[SegmentRow]:
    """The segments of the next round, or of the one that was interrupted.

    A round begins when the oldest is `after_ms` old, and takes those half as old
    too: so there are two rounds a day, not one for each segment.
    """
    begun = [row for row in rows if row.chunked]
    if begun:
        return begun
    if force:
        return list(rows)
    if any(row.received_at <= now - after_ms for row in rows):
        return [row for row in rows if row.received_at <= now - after_ms / 2]
    full = [row for row in rows if row.level == FULL]
    return full[: len(full) // 2] if len(full) > MOST_SEGMENTS else []


def steps(
    read: Connection, rows: Sequence[SegmentRow], zone: str
) -> Iterator[CompactionStep]:
    """All transactions of a round, made as they are asked for; days are of `zone`."""
    numbers = tuple(row.id for row in rows)
    low = rows[0].chunked
    while True:
        places = _places(read, numbers, low)
        if not len(places):
            yield CompactionStep(numbers, low, None)
            return
        high = _window_end(places, low)
        damaged: list[int] = []
        inside = places[(places[:, 1] < high)]
        window = _load(read, inside[:, 0].tolist(), (low, high), damaged)
        for step in pack(read, window, CompactionStep(numbers, low, high), zone):
            step.damaged_slices, damaged = damaged, []
            yield step
        low = high


def _places(
    read: Connection, segments: Sequence[int], low: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Slices with devices from `low` on: number, first and last device, readings."""
    found: list[tuple[int, int, int, int]] = []
    for segment in segments:
        found += read.execute(
            "SELECT id, first_device, last_device, readings FROM slices"
            " WHERE segment = ? AND last_device >= ?",
            (segment, low),
        )
    return np.array(found, np.int64).reshape(-1, 4)


def _window_end(
    places: np.ndarray[tuple[int, int], np.dtype[np.int64]], low: int
) -> int:
    """The device up to which about WINDOW_READINGS readings lie in the slices."""
    first, last, readings = places[:, 1], places[:, 2], places[:, 3]
    begin = max(low, int(first.min()))
    a, b = begin + 1, int(last.max()) + 1
    density = readings / (last - first + 1)
    while a < b:
        middle = (a + b + 1) // 2
        covered = np.minimum(last + 1, middle) - np.maximum(first, begin)
        if (np.maximum(covered, 0) * density).sum() <= WINDOW_READINGS:
            a = middle
        else:
            b = middle - 1
    return a


def _load(
    read: Connection,
    numbers: Sequence[int],
    devices: tuple[int, int],
    damaged: list[int],
) -> Readings:
    parts = []
    for number in numbers:
        checksum, body = read.execute(
            "SELECT checksum, body FROM slices WHERE id = ?", (number,)
        ).fetchone()
        columns = unpack_slice(checksum, body)
        if columns is None:
            damaged.append(number)
            continue
        a, b = np.searchsorted(columns.device, devices)
        parts.append(columns.pick(np.arange(a, b)).unfold())
    return join(parts)


def pack(
    read: Connection, window: Readings, whole: CompactionStep, zone: str
) -> Iterator[CompactionStep]:
    """The window's readings as chunks, cut into transactions of whole devices."""
    weeks = chunks.week_of(window.measured_at)
    order = np.lexsort((weeks, window.device))
    window, weeks = window.take(order), weeks[order]
    new = (window.device[1:] != window.device[:-1]) | (weeks[1:] != weeks[:-1])
    cuts = np.flatnonzero(np.r_[True, new, True]) if len(window) else np.zeros(1, int)
    devices = window.device[cuts[:-1]].tolist()
    step = CompactionStep(whole.segments, whole.low, whole.high)
    for i, device in enumerate(devices):
        a, b = int(cuts[i]), int(cuts[i + 1])
        key = (device, int(weeks[a]))
        _add(read, step, window.take(slice(a, b)), key, zone)
        ends = i + 1 < len(devices) and devices[i + 1] != device
        if ends and (len(step.rows) >= WRITE_ROWS or step.size >= WRITE_BYTES):
            step.high = device + 1
            yield step
            step = CompactionStep(whole.segments, device + 1, whole.high)
    yield step


def _add(
    read: Connection,
    step: CompactionStep,
    new: Readings,
    key: tuple[int, int],
    zone: str,
) -> None:
    """Merge readings with what the device's chunk of that week has."""
    found = read.execute(
        "SELECT checksum, body FROM chunks WHERE device = ? AND week = ?", key
    ).fetchone()
    parts = [new]
    if found is not None:
        old = unpack_chunk(key[0], *found)
        if old is None:
            step.damaged_chunks.append(key)
        else:
            parts.append(old)
    both = join(parts)
    result = in_order(both)
    step.merged += len(both) - len(result)
    body = chunks.pack(result)
    step.rows.append((*key, zlib.crc32(body), len(result), body))
    step.size += len(body)
    _roll(read, step, new, key, zone)


def _roll(
    read: Connection,
    step: CompactionStep,
    new: Readings,
    key: tuple[int, int],
    zone: str,
) -> None:
    """Recompute rollups from existing readings, or add to them."""
    block = key[0], key[1] // rollup_blocks.BLOCK_WEEKS
    known = "SELECT 1 FROM rollups_day WHERE device = ? AND block = ?"
    if read.execute(known, block).fetchone() is None:
        return
    if rollup_blocks.begin_of(block[1]) >= kept_from(read):
        step.stale.append(block)
        return
    for bucket, row in rollup_blocks.rows_of(in_order(new), block, zone).items():
        step.late.append((bucket, row, zone))


def unpack_chunk(
    device: int, checksum: int, body: bytes, codes: Collection[int] | None = None
) -> Readings | None:
    """A chunk's readings; None: it is corrupt."""
    if zlib.crc32(body) != checksum:
        return None
    try:
        return chunks.unpack(device, body, codes)
    except ValueError:
        return None


def write(connection: Connection, step: CompactionStep, now: int) -> list[int]:
    """Write one step in the writer's transaction; returns numbers of quarantined rows.

    Writes nothing if the round has advanced since the step was made.
    """
    marks = ", ".join("?" * len(step.segments))
    (count,) = connection.execute(
        f"SELECT count(*) FROM segments WHERE chunked = ? AND id IN ({marks})",
        (step.low, *step.segments),
    ).fetchone()
    if count != len(step.segments):
        return []
    aside = [set_aside_chunk(connection, *key, now) for key in step.damaged_chunks]
    aside += [set_aside_slice(connection, id_, now) for id_ in step.damaged_slices]
    connection.executemany(
        "INSERT INTO chunks (device, week, checksum, readings, body)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (device, week) DO UPDATE SET"
        " checksum = excluded.checksum, readings = excluded.readings,"
        " body = excluded.body",
        step.rows,
    )
    rollup_blocks.forget(connection, step.stale)
    for late in step.late:
        rollup_blocks.add_to(connection, *late)
    counters.add(connection, Counter({MERGED: step.merged}))
    if step.high is None:
        connection.execute(
            f"DELETE FROM segments WHERE id IN ({marks})",
            step.segments,
        )
    else:
        connection.execute(
            f"UPDATE segments SET chunked = ? WHERE id IN ({marks})",
            (step.high, *step.segments),
        )
    return aside


def done(read: Connection, step: CompactionStep) -> bool:
    """Whether a step is on disk."""
    row = read.execute(
        "SELECT chunked FROM segments WHERE id = ?", (step.segments[0],)
    ).fetchone()
    return row is None if step.high is None else row is not None and row[0] == step.high
