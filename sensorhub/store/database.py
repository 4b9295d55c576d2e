"""Open the database: connections, pragmas, what only SQLite knows."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sensorhub.errors import StoreError
from sensorhub.store import Connection, DatabaseError
from sensorhub.store.folder_lock import explain_folder_errors

FILE = "sensorhub.db"
BUSY_MS = 10_000
BEGIN = "BEGIN IMMEDIATE"  # no other writer comes between reading and writing
INCREMENTAL = 2  # what `PRAGMA auto_vacuum` answers


@contextmanager
def explain_errors(folder: Path) -> Iterator[None]:
    """Convert database errors to StoreError with advice."""
    path = folder / FILE
    try:
        with explain_folder_errors(folder):
            yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path} cannot be opened: {error}; see who uses it, who may write it, and"
            " whether the disk is full"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} is damaged: {error}; move it away and put a backup there"
        ) from error


def connect(folder: Path, *, read_only: bool = False) -> Connection:
    """Open a connection with the required pragmas and manual commits.

    Raises StoreError where the database cannot be used; to read only, what sqlite
    raises: who reads goes on and tries again.
    """
    if read_only:
        return _connect(folder, read_only)
    with explain_errors(folder):
        return _connect(folder, read_only)


def _connect(folder: Path, read_only: bool) -> Connection:
    mode = "?mode=ro" if read_only else ""
    path = (folder / FILE).absolute()
    connection = sqlite3.connect(
        f"{path.as_uri()}{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_MS / 1000,
        cached_statements=256,
    )
    if not read_only:
        try:
            path.chmod(0o600)  # -wal and -shm take it over
            _set_pragmas(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _set_pragmas(connection: Connection) -> None:
    # setting it is a write each time, even where it is so already
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    # the same pages change again and again: copied back in fewer, larger turns
    connection.execute("PRAGMA wal_autocheckpoint = 4000")


def may_pass(error: sqlite3.OperationalError) -> bool:
    """Whether waiting may help: the database is locked or the disk is full."""
    return error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
    )


def drain_wal(connection: Connection) -> None:
    """Copy the write-ahead log into the database file and leave it empty."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def relax_durability(connection: Connection) -> None:
    """Do not wait for the disk at commits: for data that can be recreated."""
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")


# -- what only SQLite knows --


def connect_to_file(path: Path) -> Connection:
    """Open a database file that nobody writes, read-only."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def copy_into(connection: Connection, target: Path) -> None:
    """Write a consistent copy to `target`; other connections may keep writing.

    The caller syncs the file.
    """
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("VACUUM INTO ?", (str(target),))


def tables(connection: Connection) -> list[str]:
    """The names of the tables."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE"
        " 'sqlite\\_%' ESCAPE '\\'"
    )
    return [name for (name,) in rows.fetchall()]


def integrity_faults(connection: Connection, table: str | None = None) -> list[str]:
    """Faults that SQLite finds in pages and indexes of one table or all."""
    which = "" if table is None else f'("{table}")'
    try:
        rows = connection.execute(f"PRAGMA integrity_check{which}").fetchall()
    except DatabaseError as error:
        return [str(error)]
    return [text for (text,) in rows if text != "ok"]


def count_pages(connection: Connection) -> tuple[int, int]:
    """The number of free pages, and of all pages of the file."""
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    return int(free), int(pages)


def release_pages(connection: Connection, most: int) -> None:
    """Give up to `most` free pages back to the file system."""
    connection.execute(f"PRAGMA incremental_vacuum({most})").fetchall()


def select_named(
    connection: Connection, select: str, column: str, keys: Collection[object]
) -> Iterable[Any]:
    """Rows of `select` whose `column` is one of `keys`, however many these are."""
    query = f"{select} WHERE {column} IN (SELECT value FROM json_each(?))"
    return connection.execute(query, (json.dumps(list(keys)),))


def column_texts(
    connection: Connection, table: str, columns: Sequence[str]
) -> tuple[str | None, ...]:
    """Each column of a table as one text with commas between the values.

    Faster than rows when a whole table is read. Values must not contain commas; all
    texts have the same order. None: the table is empty.
    """
    texts = ", ".join(f"group_concat({column})" for column in columns)
    row: tuple[str | None, ...] = connection.execute(
        f"SELECT {texts} FROM {table}"
    ).fetchone()
    return row
