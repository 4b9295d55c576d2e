"""A new database is made in one step; it is what the migrations would make."""

from pathlib import Path

from sensorhub.store import database, migration
from tests.support.schema import migrated, rows, written

PRAGMAS = ("auto_vacuum", "journal_mode", "page_size", "encoding", "user_version")


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    migration.prepare(new)
    one, two = migrated(old), database.connect(new)
    found = rows(two)
    assert len(found) > 20
    assert found == rows(one)
    for pragma in PRAGMAS:
        said = [c.execute(f"PRAGMA {pragma}").fetchone() for c in (one, two)]
        assert said[0] == said[1], pragma
    assert (
        migration.revision_of(two) == migration.revision_of(one) == migration.REVISION
    )
    one.close()
    two.close()


def test_the_schema_is_written_down_as_it_is() -> None:
    """Where this fails: `make schema`."""
    assert migration.SCHEMA.read_text("utf-8") == written()
