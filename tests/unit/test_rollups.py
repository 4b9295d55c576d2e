"""Rollups: the same numbers whatever history does, from bytes or from readings."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sensorhub.columns import Columns
from sensorhub.model import BY_NAME, Outcome
from sensorhub.store import (
    compaction,
    downsampled,
    history_maker,
    rollup_blocks,
    segments,
)
from sensorhub.store.database import FILE, connect
from sensorhub.store.history import DeviceSpan, TimeRange
from sensorhub.store.history import read as read_raw
from sensorhub.store.hot.counters import KEPT_FROM, set_meta
from sensorhub.store.migration import prepare
from sensorhub.store.readings import in_order, join
from sensorhub.store.rollups import Bucket, Rollups, combine, summarize
from sensorhub.store.uplink_columns import stored_columns
from tests.support.archive import START, Hub, columns_of

DAY = 86_400_000
COUNT = BY_NAME["count_in"].no
ZONES = ["UTC", "Asia/Shanghai", "Europe/Prague"]


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history_maker, "TIDY_S", 0.0)
        patch.setattr(history_maker, "REST", 0.0)
        patch.setattr(history_maker, "ROLL_S", 0.0)
        patch.setattr(segments, "SLICE_READINGS", 5)
        patch.setattr(compaction, "WINDOW_READINGS", 10)
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
    st.sampled_from([0.0, 1e300, 2.0**40, 0.12345]),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
times = st.one_of(
    st.integers(-20, 5).map(lambda n: n * 1000),
    st.integers(-30 * DAY, 300_000),
    st.sampled_from([0, -DAY, -7 * DAY]),
)
codes = st.sampled_from([1, 2, 3, COUNT])
readings = st.tuples(codes, values, times, st.sampled_from([0, 0, 0, 1, 2]))
uplinks = st.tuples(
    st.integers(0, 3), st.just(Outcome.STORED), st.lists(readings, max_size=6)
)
batches = st.lists(uplinks, min_size=1, max_size=8)


def same(found: Rollups, wanted: Rollups) -> None:
    for name in ("device", "code", "at", "count", "first", "low", "high", "last"):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist(), name
    np.testing.assert_allclose(found.total, wanted.total, rtol=1e-9, atol=1e-3)


def from_readings(
    hub: Hub, spans: list[DeviceSpan], bucket: Bucket, zone: str
) -> Rollups:
    pages = read_raw(hub.read, spans=spans, since=0, until=START * 2)
    return combine([summarize(in_order(join(list(pages))), bucket, zone)])


def from_rollups(
    hub: Hub, spans: list[DeviceSpan], bucket: Bucket, zone: str
) -> Rollups:
    whole = TimeRange(0, START * 2)
    return downsampled.read(
        hub.read, spans=spans, period=whole, bucket=bucket, zone=zone
    )


EVERYONE = [DeviceSpan(device) for device in range(4)]
plans = st.lists(
    st.one_of(
        batches,
        st.sampled_from(["make_segment", "make_chunks", "merge", "tidy", "later"]),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(plan=plans, edge=times, zone=st.sampled_from(ZONES), cut=st.sampled_from(ZONES))
def test_buckets_tell_what_the_readings_tell_whatever_history_does(
    template: Path, plan: list[Any], edge: int, zone: str, cut: str
) -> None:
    with TemporaryDirectory() as name:
        copy(template, name)
        hub = Hub(Path(name), zone=cut)
        for step in plan:
            hub.clock.time += 2000
            if isinstance(step, list):
                hub.append(columns_of(step, hub.clock.time))
            elif step == "later":
                hub.clock.time += 15 * DAY
            else:
                getattr(hub.maker, step)()
        mounted = [
            DeviceSpan(0, START + edge),
            DeviceSpan(1, 0, START + edge),
            DeviceSpan(2),
        ]
        for spans in (EVERYONE, mounted):
            for bucket in Bucket:
                wanted = from_readings(hub, spans, bucket, zone)
                same(from_rollups(hub, spans, bucket, zone), wanted)
        hub.close()


@given(st.lists(uplinks, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_a_row_holds_what_was_put_into_it(many: list[Any], zone: str) -> None:
    columns: Columns = columns_of(many, START)
    columns.device[:] = 3
    whole = in_order(stored_columns(columns).unfold())
    blocks = (whole.measured_at - rollup_blocks.begin_of(0)) // rollup_blocks.BLOCK_MS
    assume(len(blocks))
    assert blocks.min() >= 0
    for block in set(blocks.tolist()):
        one = whole.take(blocks == block)
        rows = rollup_blocks.rows_of(one, (3, block), zone)
        assert rows
        for bucket, row in rows.items():
            found = rollup_blocks.sound(row)
            assert found is not None
            assert found[1] == zone
            wanted = summarize(one, bucket, zone)
            for name in ("at", "count", "first", "low", "high", "last", "total"):
                got = getattr(found[0], name).tolist()
                assert got == getattr(wanted, name).tolist(), name


@given(st.binary(max_size=200))
def test_damaged_bytes_are_a_value_error(body: bytes) -> None:
    with suppress(ValueError):
        rollup_blocks.unpack(1, 1, body)


@pytest.fixture
def hub(template: Path, tmp_path: Path) -> Iterator[Hub]:
    copy(template, tmp_path)
    hub = Hub(tmp_path)
    yield hub
    hub.close()


def fill(hub: Hub, hours: int, code: int = 1, first: float = 0) -> None:
    """A reading every ten minutes; the value grows by one each time."""
    for n in range(hours * 6):
        at = START - START % DAY + n * 600_000
        hub.append(columns_of([(0, Outcome.STORED, [(code, first + n, 0, 0)])], at))


def chunks_of(hub: Hub) -> None:
    hub.clock.time += 30 * DAY
    while hub.maker.step():
        pass
    assert hub.read.execute("SELECT count(*) FROM slices").fetchone() == (0,)


def test_a_day_has_first_low_mean_high_last_and_count(hub: Hub) -> None:
    fill(hub, 48)
    chunks_of(hub)
    days = from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC")
    assert days.count.tolist() == [144, 144]
    assert days.first.tolist() == days.low.tolist() == [0.0, 144.0]
    assert days.last.tolist() == days.high.tolist() == [143.0, 287.0]
    assert days.mean.tolist() == [71.5, 215.5]


def test_a_counter_tells_what_it_counted_over_a_restart(hub: Hub) -> None:
    begin = START - START % DAY
    for n, value in enumerate([10, 15, 3, 4]):
        at = begin + n * 1000
        hub.append(columns_of([(0, Outcome.STORED, [(COUNT, value, 0, 0)])], at))
    chunks_of(hub)
    hours = from_rollups(hub, [DeviceSpan(0)], Bucket.HOUR, "UTC")
    assert hours.total.tolist() == [5 + 3 + 1]
    assert np.isnan(hours.mean).all()


def rolled(hub: Hub) -> list[tuple[int, int]]:
    return hub.read.execute("SELECT device, block FROM rollups_hour").fetchall()


def test_chunks_of_an_older_version_are_read_and_get_their_rollups(hub: Hub) -> None:
    fill(hub, 48)
    chunks_of(hub)
    assert rolled(hub)
    for table in rollup_blocks.TABLES.values():
        hub.write.execute(f"DELETE FROM {table}")
    wanted = from_rollups(hub, EVERYONE, Bucket.HOUR, "UTC")
    assert len(wanted) == 48
    chunks_of(hub)
    assert rolled(hub)
    hub.write.execute("DELETE FROM chunks")
    same(from_rollups(hub, EVERYONE, Bucket.HOUR, "UTC"), wanted)


def test_late_readings_have_the_rollups_of_their_block_made_anew(hub: Hub) -> None:
    fill(hub, 24)
    chunks_of(hub)
    fill(hub, 1, first=1000)
    chunks_of(hub)
    assert rolled(hub)
    hub.write.execute("DELETE FROM chunks")
    days = from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC")
    assert days.count.tolist() == [150]
    assert days.high.tolist() == [1005.0]


def test_late_readings_join_the_rollups_of_a_block_that_is_gone(hub: Hub) -> None:
    fill(hub, 24)
    chunks_of(hub)
    hub.write.execute("DELETE FROM chunks")
    set_meta(hub.write, KEPT_FROM, str(hub.clock.time))
    for _ in range(2):
        fill(hub, 1, first=1000)
        days = from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC")
        assert days.count.tolist() == [150]
    chunks_of(hub)
    days = from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC")
    assert days.count.tolist() == [150]
    assert days.high.tolist() == [1005.0]


def test_damaged_rollups_are_made_of_the_readings(hub: Hub) -> None:
    fill(hub, 24)
    chunks_of(hub)
    wanted = from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC")
    hub.write.execute("UPDATE rollups_day SET checksum = checksum + 1")
    same(from_rollups(hub, [DeviceSpan(0)], Bucket.DAY, "UTC"), wanted)
