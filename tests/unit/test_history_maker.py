"""The history's thread: damage, trimming, undone jobs, mounting spans, bounds."""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorhub.model import Outcome
from sensorhub.store import (
    compaction,
    history_maker,
    jobs,
    reclaim,
    segment_merging,
    segment_writer,
    segments,
)
from sensorhub.store.history import DeviceSpan, read, read_asset
from sensorhub.store.history_maker import HistoryMaker
from sensorhub.store.jobs import HubAccess, LostJobError, WriteJob
from sensorhub.store.migration import prepare
from tests.support.archive import START, Hub, columns_of, rows_of

FOREVER = (0, START * 2)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(jobs, "SEEN_S", 0.0)
    monkeypatch.setattr(history_maker, "TIDY_S", 0.0)
    monkeypatch.setattr(reclaim, "KEPT_UPLINKS", 10)
    prepare(tmp_path)
    hub = Hub(tmp_path)
    yield hub
    hub.close()


def fill(hub: Hub, batches: int = 5, devices: int = 4) -> None:
    for _ in range(batches):
        hub.clock.time += 1000
        many = [
            (device, Outcome.STORED, [(1, 50.5, 0, 0), (3, 20.0, -1000, 0)])
            for device in range(devices)
        ]
        hub.append(columns_of(many, hub.clock.time))


def count(hub: Hub, table: str) -> int:
    return int(hub.read.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def everything(hub: Hub) -> None:
    hub.check([DeviceSpan(device) for device in range(8)], *FOREVER)


def checkpoint(hub: Hub, cursor: int) -> None:
    hub.write.execute(
        "INSERT OR REPLACE INTO checkpoints VALUES (0, ?, 0, x'')", (cursor,)
    )


def damage(hub: Hub, table: str, row: int) -> None:
    hub.write.execute(
        f"UPDATE {table} SET body = CAST(substr(body, 2) AS BLOB) WHERE rowid = {row}"
    )


def forget(hub: Hub, received_at: int) -> None:
    """Readings of a damaged batch are not expected any more."""
    gone = {k for k, first in hub.expected.items() if first[0] // 1000 == received_at}
    for key in gone:
        del hub.expected[key]


def test_a_damaged_journal_row_is_set_aside_and_the_rest_goes_on(hub: Hub) -> None:
    fill(hub)
    damage(hub, "journal", 2)
    forget(hub, START // 1000 + 2)
    hub.maker.make_segment()
    assert hub.damaged == [(2, 4)]
    assert count(hub, "damaged") == 1
    assert hub.read.execute("SELECT id FROM journal WHERE id = 2").fetchone() is None
    everything(hub)


def test_the_newest_row_stays_when_damaged_so_that_its_number_is_not_reused(
    hub: Hub,
) -> None:
    fill(hub)
    damage(hub, "journal", 5)
    forget(hub, START // 1000 + 5)
    hub.maker.make_segment()
    assert hub.damaged == [(5, 4)]
    fill(hub, 1)
    hub.maker.make_segment()
    hub.clock.time += 10_000
    everything(hub)
    assert hub.damaged == [(5, 4)]


def test_a_damaged_slice_is_set_aside_when_chunks_are_made(hub: Hub) -> None:
    fill(hub)
    hub.maker.make_segment()
    damage(hub, "slices", 1)
    hub.clock.time += 10_000
    while hub.maker.make_chunks():
        pass
    assert hub.damaged == [(-1, 0)]
    assert count(hub, "damaged") == 1
    assert count(hub, "segments") == 0


def test_a_damaged_chunk_is_set_aside_when_more_comes(hub: Hub) -> None:
    fill(hub)
    hub.clock.time += 10_000
    while hub.maker.step():
        pass
    damage(hub, "chunks", 1)
    hub.expected.clear()
    fill(hub, 2)
    hub.clock.time += 10_000
    while hub.maker.step():
        pass
    assert hub.damaged == [(-1, 0)]
    hub.check([DeviceSpan(0)], *FOREVER)


def test_a_segment_that_lost_a_part_does_not_count(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SLICE_READINGS", 4)
    monkeypatch.setattr(segment_writer, "PART_BYTES", 1)
    fill(hub)
    hub.undo_in = 2
    with pytest.raises(LostJobError):
        hub.maker.make_segment()
    assert count(hub, "segments") == 0
    everything(hub)
    hub.restart()
    hub.clock.time += 2000
    assert hub.maker.make_segment()
    everything(hub)
    while hub.maker.tidy():
        pass
    assert count(hub, "slices") == len(segments.load(hub.read)) * 4
    everything(hub)


def test_the_journal_keeps_what_somebody_has_yet_to_pass(hub: Hub) -> None:
    fill(hub, 8)
    while hub.maker.tidy():
        pass
    assert count(hub, "journal") == 8  # no checkpoint: the fold needs all
    checkpoint(hub, 8)
    while hub.maker.tidy():
        pass
    assert count(hub, "journal") == 8  # history has not passed them
    hub.maker.make_segment()
    checkpoint(hub, 2)
    while hub.maker.tidy():
        pass
    assert count(hub, "journal") == 6  # the checkpoint stands at 2
    checkpoint(hub, 8)
    while hub.maker.tidy():
        pass
    assert count(hub, "journal") == 3  # 12 uplinks for a ring of 10
    everything(hub)


def test_an_asset_is_read_across_a_device_swap(hub: Hub) -> None:
    fill(hub, 10)
    swap = START + 5000
    hub.write.executemany(
        "INSERT INTO mountings (device, asset, from_at, until_at) VALUES (?, ?, ?, ?)",
        [(1, 7, None, swap), (2, 7, swap, None), (3, 8, None, None)],
    )
    hub.maker.make_segment()
    fill(hub, 2)
    pages = list(read_asset(hub.read, asset=7, since=0, until=START * 2, codes={1}))
    rows = [row for page in pages for row in rows_of(page)]
    assert [row[1] for row in rows] == [1] * 4 + [2] * 8
    assert {row[2] for row in rows} == {1}
    assert [row.device for row in pages[0].rows({1: "old", 2: "new"})][3:5] == [
        "old",
        "new",
    ]


def test_small_segments_are_merged_so_that_reads_touch_few(hub: Hub) -> None:
    for _ in range(30):
        fill(hub, 1)
        hub.clock.time += 1000
        hub.maker.make_segment()
        while hub.maker.merge():
            pass
    assert count(hub, "segments") < segment_merging.FANOUT * 2
    everything(hub)


def test_readings_that_came_twice_are_merged_and_counted(hub: Hub) -> None:
    batch: list[Any] = [(1, Outcome.STORED, [(1, 50.5, 0, 0)])]
    hub.append(columns_of(batch, START))
    hub.append(columns_of(batch, START))
    everything(hub)
    hub.clock.time += 10_000
    while hub.maker.step():
        pass
    merged = hub.read.execute(
        "SELECT value FROM counters WHERE name = ?", (compaction.MERGED,)
    ).fetchone()
    assert merged == (1,)
    everything(hub)


def test_old_segments_become_chunks_twice_a_day_and_early_when_many() -> None:
    def row(number: int, received_at: int, level: int = 0) -> segments.SegmentRow:
        return segments.SegmentRow(
            number, number, number, 0, 0, received_at, 1, level, 0
        )

    rows = [row(i, i * 1000) for i in range(10)]
    assert compaction.due(rows, 9_000, 10_000) == []
    assert compaction.due(rows, 10_000, 10_000) == rows[:6]
    many = [row(i, 0, segments.FULL) for i in range(compaction.MOST_SEGMENTS + 2)]
    assert compaction.due(many, 0, 10_000) == many[: len(many) // 2]
    begun = [rows[3]._replace(chunked=7)]
    assert compaction.due([*rows, *begun], 0, 10_000) == begun


def test_the_thread_makes_history_while_the_hub_writes(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SEEN_S", 10.0)
    waiting: queue.Queue[WriteJob | None] = queue.Queue()
    hub.maker.stop()
    thread_maker = HistoryMaker(
        hub.folder,
        hub.maker._settings,
        hub=HubAccess(hub.clock.now, waiting.put),
    )

    def pipeline() -> None:
        while (job := waiting.get()) is not None:
            hub.submit(job)

    thread = threading.Thread(target=pipeline)
    thread.start()
    try:
        fill(hub, 20)
        thread_maker.start()
        assert thread_maker.flush(20)
        assert thread_maker.cursor_lag_uplinks == 0
        assert count(hub, "segments") == 1
        everything(hub)
        assert thread_maker.compact(20)
        assert count(hub, "segments") == 0
        everything(hub)
    finally:
        thread_maker.stop()
        waiting.put(None)
        thread.join()
        hub.restart()


def test_a_read_may_stand_in_the_callers_transaction(hub: Hub) -> None:
    fill(hub)
    hub.read.execute("BEGIN")
    pages = list(read(hub.read, spans=[DeviceSpan(1)], since=0, until=START * 2))
    hub.read.execute("COMMIT")
    assert sum(len(page) for page in pages) == 10
    assert np.all(pages[0].device == 1)


def test_maintenance_stays_below_the_write_lock_bound(hub: Hub) -> None:
    """No job may hold the lock for long: all of them are small."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        hub.clock.time += 1000
        many = [
            (
                int(device),
                Outcome.STORED,
                [(1, float(rng.integers(0, 1000)) / 10, 0, 0)],
            )
            for device in range(1000)
        ]
        hub.append(columns_of(many, hub.clock.time))
    changes: list[int] = []
    submit = hub.submit

    def counted(job: WriteJob) -> None:
        def run(connection: sqlite3.Connection) -> None:
            before = connection.total_changes
            job(connection)
            changes.append(connection.total_changes - before)

        submit(run)

    hub.maker._jobs._submit = counted
    hub.clock.time += 10_000
    while hub.maker.step():
        pass
    assert count(hub, "chunks") == 1000
    assert max(changes) <= 1000
    everything(hub)
