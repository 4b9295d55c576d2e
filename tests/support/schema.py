"""The schema that the migrations make, as SQL: `make schema` writes it down."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from sensorhub.store import database, migration

HEAD = """\
-- What all migrations make of an empty database, in one step: written by `make schema`
-- after a new migration, never by hand. A test compares both.
"""


def rows(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """Every table and index with its statement, in the order they were made."""
    found = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    return found.fetchall()


def migrated(folder: Path) -> sqlite3.Connection:
    """A database that went through every migration."""
    migration.migrate(folder)
    return database.connect(folder)


def written() -> str:
    """The text of schema.sql."""
    with TemporaryDirectory() as folder:
        connection = migrated(Path(folder))
        statements = [f"{sql};\n" for *_, sql in rows(connection)]
        connection.close()
    mark = f"INSERT INTO alembic_version VALUES ('{migration.REVISION}');\n"
    return "".join((HEAD, *statements, mark))


if __name__ == "__main__":
    migration.SCHEMA.write_text(written(), "utf-8")
