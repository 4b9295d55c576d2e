"""The journal: one row for each batch, with its checksum; the source of a fold."""

import zlib
from collections.abc import Iterator
from typing import NamedTuple

from sensorhub.store import Connection


class JournalRow(NamedTuple):
    """A batch as stored. `sound` is false if the checksum does not match."""

    id: int
    received_at: int
    uplinks: int
    body: bytes
    sound: bool


def append(
    connection: Connection,
    *,
    received_at: int,
    uplinks: int,
    body: bytes,
    versions: str,
) -> int:
    """Write a batch in the caller's transaction; the row's number."""
    cursor = connection.execute(
        "INSERT INTO journal (received_at, uplinks, checksum, versions, body)"
        " VALUES (?, ?, ?, ?, ?)",
        (received_at, uplinks, zlib.crc32(body), versions, body),
    )
    return int(cursor.lastrowid or 0)


def rows_after(
    connection: Connection, after: int, limit: int = 100
) -> Iterator[JournalRow]:
    """All rows after number `after`, in order, `limit` a read."""
    while True:
        rows = connection.execute(
            "SELECT id, received_at, uplinks, CAST(body AS BLOB), checksum FROM journal"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        ).fetchall()
        for id_, received_at, uplinks, body, checksum in rows:
            sound = zlib.crc32(body) == checksum
            yield JournalRow(id_, received_at, uplinks, body, sound)
        if len(rows) < limit:
            return
        after = rows[-1][0]


def last(connection: Connection) -> tuple[int, int]:
    """Number and received_at of the newest row; (0, 0) for none."""
    row = connection.execute(
        "SELECT id, received_at FROM journal ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def first_number(connection: Connection) -> int | None:
    """The number of the oldest row; None: the journal is empty."""
    (number,) = connection.execute("SELECT min(id) FROM journal").fetchone()
    return None if number is None else int(number)


def last_uplink_at(connection: Connection) -> int | None:
    """When (ms) the newest uplink in the journal was received; None: it is empty."""
    query = "SELECT max(received_at) FROM journal WHERE uplinks > 0"
    (at,) = connection.execute(query).fetchone()
    return None if at is None else int(at)
