"""History: whatever is made, merged, moved or trimmed, reads stay the same."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sensorhub.columns import Columns, Notes, pack, unpack, unpack_devices
from sensorhub.model import Outcome
from sensorhub.store import (
    chunks,
    column_packing,
    compaction,
    history,
    history_maker,
    jobs,
    reclaim,
    segment_merging,
    segment_writer,
    segments,
    slices,
)
from sensorhub.store.database import FILE, connect
from sensorhub.store.history import DeviceSpan, read
from sensorhub.store.hot import counters, journal
from sensorhub.store.jobs import LostJobError
from sensorhub.store.migration import prepare
from sensorhub.store.readings import in_order
from sensorhub.store.uplink_columns import stored_columns
from tests.support.archive import START, CrashError, Hub, columns_of, rows_of

DAY = 86_400_000


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Bounds so small that a few readings cross all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "SLICE_READINGS", 8)
        patch.setattr(segment_merging, "FANOUT", 3)
        patch.setattr(segment_merging, "FULL_READINGS", 60)
        patch.setattr(segments, "FULL_READINGS", 60)
        patch.setattr(compaction, "WINDOW_READINGS", 20)
        patch.setattr(compaction, "WRITE_ROWS", 2)
        patch.setattr(jobs, "SEEN_S", 0.0)
        patch.setattr(history, "PAGE_CHUNKS", 4)
        patch.setattr(history_maker, "TIDY_S", 0.0)
        patch.setattr(segment_writer, "PART_BYTES", 300)
        patch.setattr(reclaim, "KEPT_UPLINKS", 6)
        patch.setattr(reclaim, "STEP_ROWS", 2)
        patch.setattr(reclaim, "STEP_SLICES", 2)
        yield


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    prepare(folder)
    with connect(folder) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder / FILE


values = st.one_of(
    st.integers(-50, 1000).map(lambda n: n / 10),
    st.sampled_from([0.0, -0.0, 1e300, float("nan"), float("inf"), 2.0**40, 0.12345]),
    st.floats(allow_nan=False, width=32),
)
times = st.one_of(
    st.integers(-20, 5).map(lambda n: n * 1000),
    st.integers(-30 * DAY, 300_000),
    st.sampled_from([0, -DAY, -7 * DAY, 400 * DAY, -START]),
)
readings = st.tuples(st.integers(1, 4), values, times, st.sampled_from([0, 0, 0, 1, 2]))
uplinks = st.tuples(
    st.integers(-1, 6),
    st.sampled_from([*Outcome, Outcome.STORED, Outcome.STORED, Outcome.STORED]),
    st.lists(readings, max_size=4),
)
batches = st.lists(uplinks, min_size=1, max_size=8)


steps = st.one_of(
    batches,
    batches,
    st.sampled_from(
        ["segment", "merge", "chunks", "tidy", "checkpoint", "restart", "undo"]
    ),
    # crash before, or (negative) after the n-th job from here
    st.sampled_from([-3, -2, -1, 1, 2, 3]),
)
EVERYONE = [DeviceSpan(device) for device in range(7)]


@settings(max_examples=60)
@given(plan=st.lists(steps, max_size=40), data=st.data())
def test_reads_are_the_same_whatever_history_does(
    template: Path, plan: list[Any], data: st.DataObject
) -> None:
    with TemporaryDirectory() as name:
        copy(template, name)
        hub = Hub(Path(name))
        for step in plan:
            _take(hub, step)
            if isinstance(step, str) and hub.expected:
                device = data.draw(st.integers(0, 6))
                at = data.draw(st.sampled_from(sorted(hub.expected)))[0]
                hub.check([DeviceSpan(device)], at - DAY, at + DAY)
                hub.check(
                    [DeviceSpan(device, at), DeviceSpan(1, at, at + DAY)], 0, START * 2
                )
        hub.check(EVERYONE, -START, START * 2)
        hub.crash_in = hub.undo_in = 0
        hub.restart()
        _chunk_everything(hub)
        hub.check(EVERYONE, -START, START * 2)
        merged = counters.load(hub.read)[compaction.MERGED]
        assert merged == hub.taken - len(hub.expected)
        assert hub.read.execute("SELECT count(*) FROM slices").fetchone() == (0,)
        hub.close()


def _take(hub: Hub, step: Any) -> None:
    if isinstance(step, list):
        hub.append(columns_of(step, hub.clock.time))
    elif isinstance(step, int):
        hub.crash_in = step
    elif step == "checkpoint":
        last, _ = journal.last(hub.read)
        hub.write.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (0, ?, 0, x'')", (last,)
        )
    elif step == "restart":
        hub.restart()
    elif step == "undo":
        hub.undo_in = 2
    else:
        hub.clock.time += 2000
        name = {"segment": "make_segment", "chunks": "make_chunks"}.get(step, step)
        try:
            getattr(hub.maker, name)()
        except (CrashError, LostJobError):
            hub.restart()


def _chunk_everything(hub: Hub) -> None:
    for _ in range(3):
        hub.clock.time += 10_000
        while hub.maker.step():
            pass
    assert segments.load(hub.read) == []
    assert hub.maker.cursor_lag_uplinks == 0


@given(
    columns=st.lists(uplinks, min_size=1, max_size=20).map(
        lambda batch: columns_of(batch, START)
    )
)
def test_a_slice_holds_what_was_put_into_it(columns: Columns) -> None:
    sheaf = stored_columns(columns)
    again = slices.unpack(slices.pack(sheaf.by_device())).unfold()
    assert rows_of(in_order(again)) == rows_of(in_order(sheaf.unfold()))


@given(
    columns=st.lists(uplinks, min_size=1, max_size=20).map(
        lambda batch: columns_of(batch, START)
    )
)
def test_a_chunk_holds_what_was_put_into_it(columns: Columns) -> None:
    columns.device[:] = 3
    wanted = in_order(stored_columns(columns).unfold())
    if len(wanted):
        again = chunks.unpack(3, chunks.pack(wanted))
        assert sorted(rows_of(again)) == sorted(rows_of(wanted))
        one = chunks.unpack(3, chunks.pack(wanted), codes={2})
        assert rows_of(one) == rows_of(again.take(again.code == 2))


@given(arrays(np.int64, st.integers(0, 30)))
def test_integers_survive_packing(numbers: Any) -> None:
    for packer in (
        column_packing.pack_ints,
        column_packing.pack_steps,
        column_packing.pack_smoother,
    ):
        again = column_packing.unpack_ints(packer(numbers), len(numbers))
        assert again.tolist() == numbers.tolist()


@given(st.lists(values, max_size=40), st.integers(0, 3))
def test_values_survive_packing(numbers: list[float], decimals: int) -> None:
    array = np.array(numbers, np.float64) + 0.0
    again = column_packing.unpack_values(
        column_packing.pack_values(array, decimals), len(array)
    )
    assert again.tobytes() == array.tobytes()


@given(batches)
def test_a_journal_body_survives_packing(batch: list[Any]) -> None:
    columns = columns_of(batch, START)
    again = unpack(pack(columns, Notes()))
    for column in fields(Columns):
        left, right = getattr(columns, column.name), getattr(again, column.name)
        np.testing.assert_array_equal(left, right)


@given(batches)
def test_a_quick_look_tells_the_devices_of_a_journal_row(batch: list[Any]) -> None:
    columns = columns_of(batch, START)
    assert unpack_devices(pack(columns, Notes())).tolist() == columns.device.tolist()


@given(st.binary(max_size=200))
def test_damaged_bytes_are_a_value_error(body: bytes) -> None:
    with suppress(ValueError):
        slices.unpack(body)
    with suppress(ValueError):
        chunks.unpack(1, body)


def test_a_read_of_nothing_answers_nothing(template: Path, tmp_path: Path) -> None:
    copy(template, tmp_path)
    connection = connect(tmp_path, read_only=True)
    assert list(read(connection, spans=[], since=0, until=1)) == []
    assert list(read(connection, spans=[DeviceSpan(1, 5, 6)], since=0, until=5)) == []
    assert list(read(connection, spans=[DeviceSpan(1)], since=0, until=START)) == []
    connection.close()
