"""Other data of the forwarder: events to send, refused lines, marks."""

import json
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sensorhub.store import Connection
from sensorhub.store.hot import counters
from sensorhub.store.hot.counters import get_meta, set_meta

SERVICES = "forward_services"  # key in `meta`: the last service sent
MOST_LETTERS = 10_000


class RefusedLine(NamedTuple):
    """A line that InfluxDB refused, its number of readings, and the reason."""

    line: str
    readings: int
    reason: str


class RefusedLineRow(NamedTuple):
    """A refused line as stored; time (ms), and whether to retry it."""

    id: int
    at: int
    line: str
    readings: int
    reason: str
    retry: int


class EventRow(NamedTuple):
    """A transition with its alert; `rank` among those that look the same."""

    no: int
    id: str
    alert: str
    at: int
    from_: str | None
    to: str
    severity: int
    cause: dict[str, Any]
    rule: str
    category: str
    zone: str
    asset: int
    place: str | None
    rank: int


class ServiceRow(NamedTuple):
    """A service; `rank` among those that look the same."""

    id: int
    asset: int
    kind: str
    at: int
    by: str
    rank: int


def remember(connection: Connection, transitions: Sequence[str]) -> None:
    """Queue transitions for sending."""
    connection.executemany(
        "INSERT INTO forward_events (transition_) VALUES (?)",
        [(id_,) for id_ in transitions],
    )


def events(read: Connection, limit: int) -> list[EventRow]:
    """The next transitions to send."""
    rows = read.execute(
        "SELECT e.no, t.id, t.alert, t.at, t.from_, t.to_, t.severity, t.cause,"
        " a.rule, a.category, a.zone, a.asset,"
        " (SELECT id FROM places WHERE no = -a.asset),"
        " (SELECT count(*) FROM transitions u WHERE u.alert = t.alert AND u.at = t.at"
        " AND u.to_ = t.to_ AND u.id < t.id)"
        " FROM forward_events e JOIN transitions t ON t.id = e.transition_"
        " JOIN alerts a ON a.id = t.alert ORDER BY e.no LIMIT ?",
        (limit,),
    ).fetchall()
    return [EventRow(*row)._replace(cause=json.loads(row[7])) for row in rows]


def events_sent(connection: Connection, last: int, count: int) -> None:
    """Transitions up to number `last` are sent."""
    connection.execute("DELETE FROM forward_events WHERE no <= ?", (last,))
    counters.add(connection, Counter(transitions_forwarded=count))


def services(read: Connection, limit: int) -> list[ServiceRow]:
    """The next services to send."""
    rows = read.execute(
        "SELECT id, asset, kind, at, by_, (SELECT count(*) FROM services o"
        " WHERE o.asset = s.asset AND o.at = s.at AND o.kind = s.kind AND o.id < s.id)"
        " FROM services s WHERE id > ? ORDER BY id LIMIT ?",
        (int(get_meta(read, SERVICES) or 0), limit),
    ).fetchall()
    return [ServiceRow(*row) for row in rows]


def services_sent(connection: Connection, last: int, count: int) -> None:
    """Services up to number `last` are sent."""
    set_meta(connection, SERVICES, str(last))
    counters.add(connection, Counter(services_forwarded=count))


# -- refused lines --


def keep(connection: Connection, letters: Sequence[RefusedLine], now: int) -> None:
    """Keep refused lines; the oldest beyond MOST_LETTERS give way, and are counted."""
    if not letters:
        return
    connection.executemany(
        "INSERT INTO forward_letters (at, line, readings, reason, retry)"
        " VALUES (?, ?, ?, ?, 0)",
        [(now, *letter) for letter in letters],
    )
    gone = connection.execute(
        "DELETE FROM forward_letters WHERE id <="
        " (SELECT max(id) FROM forward_letters) - ? RETURNING id",
        (MOST_LETTERS,),
    ).fetchall()
    counters.add(connection, Counter(forward_letters_dropped=len(gone)))


def letters(
    connection: Connection, limit: int, *, retry: bool = False
) -> list[RefusedLineRow]:
    """Refused lines, newest first; with `retry` those to try again, oldest first."""
    where, order = ("WHERE retry = 1", "id") if retry else ("", "id DESC")
    rows = connection.execute(
        "SELECT id, at, line, readings, reason, retry FROM forward_letters"
        f" {where} ORDER BY {order} LIMIT ?",
        (limit,),
    )
    return [RefusedLineRow(*row) for row in rows]


def try_again(connection: Connection) -> None:
    """Mark all refused lines for retry."""
    connection.execute("UPDATE forward_letters SET retry = 1")


def count_letters(connection: Connection) -> int:
    """How many refused lines are kept."""
    row = connection.execute("SELECT count(*) FROM forward_letters").fetchone()
    return int(row[0])


def settle(
    connection: Connection,
    tried: Sequence[RefusedLineRow],
    refused: dict[int, str],
    moved: Counter[str],
) -> None:
    """Store the outcome of retried lines: delete them, or keep the newest reason."""
    for row in tried:
        if row.id in refused:
            connection.execute(
                "UPDATE forward_letters SET retry = 0, reason = ? WHERE id = ?",
                (refused[row.id], row.id),
            )
        else:
            connection.execute("DELETE FROM forward_letters WHERE id = ?", (row.id,))
    counters.add(connection, moved)


# -- marks --


def save_marks(connection: Connection, cursor: int, body: bytes) -> None:
    """Remember the marks as of a journal row."""
    connection.execute(
        "INSERT INTO forward_marks (no, cursor, checksum, body) VALUES (1, ?, ?, ?)"
        " ON CONFLICT (no) DO UPDATE SET cursor = excluded.cursor,"
        " checksum = excluded.checksum, body = excluded.body",
        (cursor, zlib.crc32(body), body),
    )


def load_marks(read: Connection) -> tuple[int, bytes] | None:
    """Load marks and their journal row; None: there are none, or they are corrupt."""
    row = read.execute("SELECT cursor, checksum, body FROM forward_marks").fetchone()
    if row is None or zlib.crc32(row[2]) != row[1]:
        return None
    return int(row[0]), bytes(row[2])
