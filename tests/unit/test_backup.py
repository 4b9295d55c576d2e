"""Backup, restore and verify: the same data again, and every flipped byte found."""

import gzip
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sensorhub.errors import StoreError
from sensorhub.model import Outcome
from sensorhub.store import backup, folder_lock, history_maker, migration, segments
from sensorhub.store.history import EVER, DeviceSpan
from sensorhub.store.hot import journal
from tests.support.archive import Hub, columns_of

DAY = 86_400_000
EVERYONE = [DeviceSpan(device) for device in range(4)]
TABLES = (
    *("journal", "slices", "chunks", "rollups_hour", "rollups_day"),
    "checkpoints",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    migration.prepare(folder)
    return folder


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(history_maker, "TIDY_S", 0.0)
    monkeypatch.setattr(history_maker, "REST", 0.0)
    monkeypatch.setattr(history_maker, "ROLL_S", 0.0)
    monkeypatch.setattr(segments, "SLICE_READINGS", 4)
    hub = Hub(folder)
    tell(hub)
    while hub.maker.step():
        pass
    hub.clock.time += 40 * DAY
    while hub.maker.step():
        pass
    while hub.maker.tidy():
        pass
    tell(hub)
    hub.maker.make_segment()
    tell(hub)
    last, _ = journal.last(hub.read)
    hub.write.execute("INSERT INTO checkpoints VALUES (0, ?, 0, x'')", (last,))
    yield hub
    hub.close()


def tell(hub: Hub) -> None:
    for _ in range(3):
        hub.clock.time += 1000
        many = [
            (d, Outcome.STORED, [(1, 50.5, 0, 0), (3, 20.0, 0, 0)]) for d in range(4)
        ]
        hub.append(columns_of(many, hub.clock.time))


def test_a_restored_backup_answers_what_was_there(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    size = backup.backup(hub.folder, file)
    assert file.stat().st_size == size
    assert file.stat().st_mode & 0o777 == 0o600
    assert not file.with_name("backup.db.partial").exists()
    elsewhere = tmp_path / "elsewhere"
    assert not backup.restore(file, elsewhere)
    again = Hub(elsewhere)
    again.expected = hub.expected
    again.check(EVERYONE, -EVER, EVER)
    again.close()
    assert backup.verify_folder(elsewhere).sound


def test_a_backup_is_one_moment_of_a_hub_that_writes(hub: Hub, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            tell(hub)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        files = [tmp_path / f"{n}.db" for n in range(3)]
        for file in files:
            backup.backup(hub.folder, file)
    finally:
        stop.set()
        thread.join()
    counted = []
    for file in files:
        verdict = backup.verify_file(file)
        assert verdict.sound, verdict.faults
        counted.append(verdict.counts[0].rows)
    assert counted == sorted(counted)


def test_what_is_there_is_kept_unless_it_is_to_be_replaced(
    hub: Hub, tmp_path: Path
) -> None:
    file = tmp_path / "backup.db"
    backup.backup(hub.folder, file)
    with pytest.raises(StoreError, match="there already"):
        backup.backup(hub.folder, file)
    with pytest.raises(StoreError, match="has a database already"):
        backup.restore(file, hub.folder)
    tell(hub)
    rows = hub.read.execute("SELECT count(*) FROM journal").fetchone()
    hub.maker.stop()
    hub.write.close()
    assert backup.restore(file, hub.folder, force=True)
    with closing(sqlite3.connect(hub.folder / backup.REPLACED)) as old:
        assert old.execute("SELECT count(*) FROM journal").fetchone() == rows
    assert backup.verify_folder(hub.folder).sound
    hub.restart()


def test_nothing_is_restored_under_a_running_hub(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    backup.backup(hub.folder, file)
    with folder_lock.locked(hub.folder), pytest.raises(StoreError, match="another"):
        backup.restore(file, hub.folder, force=True)


@pytest.mark.parametrize("table", TABLES)
def test_a_flipped_byte_is_found_in_each_kind_of_part(
    hub: Hub, tmp_path: Path, table: str
) -> None:
    assert backup.verify_folder(hub.folder).sound
    row, body = hub.write.execute(
        f"SELECT {key(table)}, CAST(body AS BLOB) FROM {table} LIMIT 1"
    ).fetchone()
    flipped = bytearray(body or b"\0")
    flipped[len(flipped) // 2] ^= 0x10
    hub.write.execute(
        f"UPDATE {table} SET body = ? WHERE {key(table)} = ?", (bytes(flipped), row)
    )
    verdict = backup.verify_folder(hub.folder)
    assert not verdict.sound
    assert len(verdict.faults) >= 1
    file = tmp_path / "backup.db"
    backup.backup(hub.folder, file)
    assert not backup.verify_file(file).sound
    with pytest.raises(StoreError, match="damaged and was not restored"):
        backup.restore(file, tmp_path / "elsewhere")


def key(table: str) -> str:
    return {"checkpoints": "block", "rollups_day": "device"}.get(table, "rowid")


def test_any_flipped_byte_of_a_backup_is_found(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    backup.backup(hub.folder, file)
    whole = file.read_bytes()
    for at in range(0, len(whole), len(whole) // 50):
        damaged = bytearray(whole)
        damaged[at] ^= 0x01
        file.write_bytes(damaged)
        assert not backup.verify_file(file).sound
    file.write_bytes(whole)
    assert backup.verify_file(file).sound


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no file"):
        backup.verify_file(tmp_path / "nothing")
    with pytest.raises(StoreError, match="no database"):
        backup.verify_folder(tmp_path)
    with pytest.raises(StoreError, match="no database"):
        backup.backup(tmp_path, tmp_path / "file")
    text = tmp_path / "text"
    text.write_text("no database " * 1000)
    assert not backup.verify_file(text).sound


def test_a_schema_of_before_rollups_is_verified_too(tmp_path: Path) -> None:
    past = Path(__file__).parents[1] / "past" / "0.1.0.db.gz"
    file = tmp_path / "old.db"
    file.write_bytes(gzip.decompress(past.read_bytes()))
    verdict = backup.verify_file(file)
    assert verdict.sound
    assert {count.name for count in verdict.counts} >= {"journal", "chunks"}
