"""Whoever is killed while a database is made or migrated starts again.

At each SQL statement and each change of a file on the way.
"""

import gzip
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from sensorhub.store import database, migration
from tests.support.schema import rows

ROOT = Path(__file__).parents[2]
PAST = ROOT / "tests" / "past" / "0.1.0.db.gz"
MIGRATIONS = migration.SCHEMA.parent
OLDER = sorted(
    script.revision
    for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    if script.revision != migration.REVISION
)


def contents(file: Path) -> tuple[str | None, dict[str, int], list[str]]:
    """The revision of a database, the number of rows of each table, and its faults."""
    with closing(sqlite3.connect(file)) as connection:
        counts = {
            table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            for table in database.tables(connection)
        }
        faults = database.integrity_faults(connection)
        return migration.revision_of(connection), counts, faults


def killed_at_each_step(folder: Path) -> list[Path]:
    """The copies of a folder, each left behind at another step."""
    line = [sys.executable, "-m", "tests.support.dying", str(folder)]
    ran = subprocess.run(line, cwd=ROOT, check=True, capture_output=True, text=True)
    steps = int(ran.stdout)
    return [folder.with_name(f"{folder.name}-{n}") for n in range(1, steps + 1)]


def schema(folder: Path) -> list[tuple[str, ...]]:
    with closing(database.connect(folder)) as connection:
        return sorted(rows(connection))


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("newest")
    migration.prepare(folder)
    return schema(folder)


def test_a_new_folder_starts_after_a_kill_at_any_step(
    tmp_path: Path, newest: list[tuple[str, ...]]
) -> None:
    (tmp_path / "data").mkdir()
    left = killed_at_each_step(tmp_path / "data")
    assert len(left) > 10
    for folder in left:
        migration.prepare(folder)
        assert schema(folder) == newest, folder.name
        assert not list(folder.glob("sensorhub-*")), folder.name


@pytest.mark.parametrize("revision", OLDER)
def test_an_older_folder_starts_after_a_kill_at_any_step(
    tmp_path: Path, revision: str, newest: list[tuple[str, ...]]
) -> None:
    old = tmp_path / "data"
    old.mkdir()
    (old / database.FILE).write_bytes(gzip.decompress(PAST.read_bytes()))
    migration.migrate(old, revision)
    before = contents(old / database.FILE)
    assert before[0] == revision
    assert before[1]["journal"] > 0
    left = killed_at_each_step(old)
    assert len(left) > 10
    for folder in left:
        migration.prepare(folder)
        after = contents(folder / database.FILE)
        assert (after[0], after[2]) == (migration.REVISION, [])
        kept = {table: after[1].get(table) for table in before[1]}
        assert kept == before[1], folder.name
        assert {row[1] for row in schema(folder)} == {row[1] for row in newest}
        copies = [path.name for path in folder.glob("sensorhub-*")]
        assert copies == [f"sensorhub-{revision}.db"], folder.name
        assert contents(folder / copies[0]) == before, folder.name


def test_a_copy_of_an_earlier_migration_is_not_replaced(tmp_path: Path) -> None:
    copy = tmp_path / "sensorhub-0001.db"
    copy.write_bytes(b"the copy of an earlier migration")
    (tmp_path / database.FILE).write_bytes(gzip.decompress(PAST.read_bytes()))
    migration.prepare(tmp_path)
    assert copy.read_bytes() == b"the copy of an earlier migration"
    assert contents(tmp_path / "sensorhub-0001-2.db")[0] == "0001"
