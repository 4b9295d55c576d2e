"""Outbox: notifications to send, written with their transition.

Rows are numbered in order of creation and never renumbered. A row for MQTT is
deleted once the broker has it; a row for a subscription stays, without its body,
as the record of the delivery. `next_at` is real time in epoch seconds, since
retries stay real where the hub's clock is simulated.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from sensorhub.store import Connection

MQTT = "mqtt"  # the built-in subscription; the schema's indexes name it, too
PURGE = 1_000  # rows that are looked at for old ones


class OutboxRow(NamedTuple):
    """One notification to one subscription; `no` is given by `insert`."""

    id: str
    subscription: str
    alert: str
    transition: str
    created_at: int
    body: bytes
    no: int = 0
    attempts: int = 0


class DeliveryResult(NamedTuple):
    """The outcome of an attempt; `next_at` in epoch seconds if it is pending."""

    row: OutboxRow
    state: Literal["sent", "pending", "failed"]
    attempts: int
    next_at: float = 0.0
    error: str = ""


_COLUMNS = "id, subscription, alert, transition_, created_at, body, no, attempts"
# a new row waits for the retry of an earlier one about the same alert
_INSERT = (
    "INSERT OR IGNORE INTO outbox (id, subscription, alert, transition_, created_at,"
    " body, no, attempts, next_at, state, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?,"
    " CASE WHEN ? = 'mqtt' THEN 0 ELSE coalesce((SELECT max(next_at) FROM outbox"
    " INDEXED BY outbox_alert"
    " WHERE subscription <> 'mqtt' AND subscription = ? AND alert = ?"
    " AND state = 'pending'), 0) END, 'pending', '')"
)
_WRITE_RESULT = (
    "UPDATE outbox SET state = ?, attempts = ?, next_at = ?, error = ?,"
    " body = CASE WHEN ? = 'sent' THEN x'' ELSE body END"
    " WHERE no = ? AND state = 'pending'"
)
_DELAY_FOLLOWERS = (
    "UPDATE outbox INDEXED BY outbox_alert SET next_at = ?"
    " WHERE subscription <> 'mqtt' AND subscription = ? AND alert = ?"
    " AND state = 'pending' AND next_at < ?"
)
_DUE = (
    f"SELECT {_COLUMNS} FROM outbox WHERE state = 'pending' AND subscription = ?"
    " AND next_at <= ? ORDER BY next_at, no LIMIT ?"
)
_AFTER = (
    f"SELECT {_COLUMNS} FROM outbox WHERE state = 'pending' AND subscription = ?"
    " AND next_at = 0 AND no > ? ORDER BY no LIMIT ?"
)
_OLD = (
    "SELECT no FROM (SELECT no, state, created_at FROM outbox ORDER BY no LIMIT ?)"
    " WHERE state <> 'pending' AND created_at < ?"
)


def insert(connection: Connection, rows: Iterable[OutboxRow]) -> list[OutboxRow]:
    """Insert rows and number them; a row with a known id stays unchanged."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
    row = found.fetchone()
    first = (row[0] if row else 0) + 1
    numbered = [
        OutboxRow(*row[:6], no, row.attempts) for no, row in enumerate(rows, first)
    ]
    connection.executemany(
        _INSERT,
        [(*row, row.subscription, row.subscription, row.alert) for row in numbered],
    )
    return numbered


def due(
    connection: Connection, subscription: str, now: float, limit: int
) -> list[OutboxRow]:
    """Rows due at `now` (epoch seconds), the longest due first."""
    found = connection.execute(_DUE, (subscription, now, limit))
    return [OutboxRow(*row) for row in found]


def next_due(connection: Connection, subscription: str, now: float) -> float | None:
    """When the first row after `now` becomes due, in epoch seconds."""
    found = connection.execute(
        "SELECT min(next_at) FROM outbox WHERE state = 'pending'"
        " AND subscription = ? AND next_at > ?",
        (subscription, now),
    )
    moment: float | None = found.fetchone()[0]
    return moment


def pending_after(
    connection: Connection, subscription: str, no: int, limit: int
) -> list[OutboxRow]:
    """Rows never tried whose number is above `no`, in order of creation."""
    found = connection.execute(_AFTER, (subscription, no, limit))
    return [OutboxRow(*row) for row in found]


def progress(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, tuple[str, int]]:
    """State and attempts of rows by number; rows that are gone are missing."""
    marks = ",".join("?" * len(numbers))
    found = connection.execute(
        f"SELECT no, state, attempts FROM outbox WHERE no IN ({marks})",
        numbers,
    )
    return {no: (state, attempts) for no, state, attempts in found}


def waiting_subscriptions(connection: Connection) -> list[str]:
    """Subscriptions with pending rows."""
    found = connection.execute(
        "SELECT DISTINCT subscription FROM outbox WHERE state = 'pending'"
    )
    return [row[0] for row in found]


def write_results(connection: Connection, results: Iterable[DeliveryResult]) -> None:
    """Store outcomes of attempts; later rows of an alert wait for its retry."""
    for row, state, attempts, next_at, error in results:
        connection.execute(
            _WRITE_RESULT, (state, attempts, next_at, error, state, row.no)
        )
        if state == "pending":
            about = (next_at, row.subscription, row.alert, next_at)
            connection.execute(_DELAY_FOLLOWERS, about)


def delete(connection: Connection, numbers: Iterable[int]) -> None:
    """Delete sent rows that need no record."""
    connection.executemany("DELETE FROM outbox WHERE no = ?", ((n,) for n in numbers))


def drop(connection: Connection, subscription: str, reason: str) -> None:
    """End all pending rows of a subscription that is disabled or removed."""
    connection.execute(
        "UPDATE outbox SET state = 'dropped', error = ?"
        " WHERE state = 'pending' AND subscription = ?",
        (reason, subscription),
    )


def count_pending(connection: Connection) -> int:
    """The number of pending rows."""
    found = connection.execute("SELECT count(*) FROM outbox WHERE state = 'pending'")
    return int(found.fetchone()[0])


def has_old(connection: Connection, before: int) -> bool:
    """Whether `purge` has rows to delete."""
    return connection.execute(f"{_OLD} LIMIT 1", (PURGE, before)).fetchone() is not None


def purge(connection: Connection, before: int) -> int:
    """Delete some old finished rows created before (ms); returns how many."""
    return connection.execute(
        f"DELETE FROM outbox WHERE no IN ({_OLD})", (PURGE, before)
    ).rowcount
