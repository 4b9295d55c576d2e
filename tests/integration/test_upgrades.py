"""Upgrade and downgrade of a data folder, as docs/operations.md tells them."""

import gzip
import json
import shutil
import threading
from pathlib import Path

import pytest

from sensorhub.errors import StoreError
from sensorhub.store import database, folder_lock, migration
from tests.past.make import expected

PAST = Path(__file__).parents[1] / "past"
OLD = "0001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What version 0.1.0 left behind."""
    packed = (PAST / "0.1.0.db.gz").read_bytes()
    (tmp_path / database.FILE).write_bytes(gzip.decompress(packed))
    return tmp_path


def say_schema(folder: Path, revision: str) -> None:
    connection = database.connect(folder)
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def schema(folder: Path) -> str | None:
    connection = database.connect(folder)
    try:
        return migration.revision_of(connection)
    finally:
        connection.close()


def test_a_newer_schema_is_refused_and_left_alone(folder: Path) -> None:
    say_schema(folder, "9999")
    with pytest.raises(
        StoreError, match=r"9999, newer than.*install the newer version$"
    ):
        migration.prepare(folder)
    assert schema(folder) == "9999"
    assert sorted(p.name for p in folder.glob("*.db")) == [database.FILE]


def test_the_refusal_names_the_copy_to_go_back_to(folder: Path) -> None:
    copy = folder / f"sensorhub-{migration.REVISION}.db"
    shutil.copy(folder / database.FILE, copy)
    say_schema(folder, "9999")
    with pytest.raises(StoreError, match=f"or put {copy.name} in its place"):
        migration.prepare(folder)
    copy.replace(folder / database.FILE)
    migration.prepare(folder)


def test_an_older_schema_is_not_changed_beneath_a_running_hub(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_schema(folder, "0000")
    monkeypatch.setattr(migration, "MIGRATE_WAIT_S", 0.2)
    with (
        folder_lock.locked(folder),
        pytest.raises(StoreError, match="stop that one, then start this version"),
    ):
        migration.prepare(folder)
    assert schema(folder) == "0000"


@pytest.mark.skipif(migration.REVISION == OLD, reason="no later schema yet")
def test_an_upgrade_waits_for_a_hub_that_is_ending(folder: Path) -> None:
    ended = threading.Event()

    def old_hub() -> None:
        with folder_lock.locked(folder):
            up.set()
            ended.wait(10)

    up = threading.Event()
    hub = threading.Thread(target=old_hub)
    hub.start()
    assert up.wait(10)
    threading.Timer(0.3, ended.set).start()
    migration.prepare(folder)
    hub.join()
    assert schema(folder) == migration.REVISION


@pytest.mark.skipif(migration.REVISION == OLD, reason="no later schema yet")
def test_the_copy_made_before_a_migration_is_the_way_back(folder: Path) -> None:
    kept = json.loads((PAST / "0.1.0.json").read_text("utf-8"))
    migration.prepare(folder)
    assert schema(folder) == migration.REVISION
    for path in folder.glob(f"{database.FILE}*"):
        path.unlink()
    (folder / f"sensorhub-{OLD}.db").replace(folder / database.FILE)
    assert schema(folder) == OLD
    connection = database.connect(folder, read_only=True)
    assert json.loads(json.dumps(expected(connection))) == kept
    connection.close()
