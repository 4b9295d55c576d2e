"""Downlinks: asked, sent, confirmed; and each device's ChirpStack application."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sensorhub.store import Connection

KEPT_MS = 90 * 86_400_000


class Downlink(NamedTuple):
    """One downlink; times in ms of the hub's clock, None: not reached yet."""

    id: str
    device: int
    kind: str
    arguments: dict[str, Any]
    topic: str
    by: str
    asked_at: int
    sent_at: int | None = None
    passed_at: int | None = None
    obeyed_at: int | None = None
    note: str = ""

    @property
    def state(self) -> str:
        """The last state reached."""
        if self.obeyed_at is not None:
            return "obeyed"
        if self.passed_at is not None:
            return "transmitted"
        return "asked" if self.sent_at is None else "sent"


_COLUMNS = (
    "id, device, kind, said, topic, by_, asked_at, sent_at, passed_at, obeyed_at, note"
)


def add(connection: Connection, row: Downlink) -> None:
    """Insert a downlink; its outbox row sends it."""
    connection.execute(
        f"INSERT INTO downlinks ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (*row[:3], json.dumps(row.arguments), *row[4:]),
    )
    connection.execute(
        "DELETE FROM downlinks WHERE asked_at < ?", (row.asked_at - KEPT_MS,)
    )


def sent(connection: Connection, id_: str, at: int) -> None:
    """Mark as received by the broker."""
    connection.execute(
        "UPDATE downlinks SET sent_at = coalesce(sent_at, ?) WHERE id = ?", (at, id_)
    )


def passed(connection: Connection, id_: str, at: int) -> None:
    """Mark as passed to a gateway by the network server."""
    connection.execute(
        "UPDATE downlinks SET passed_at = coalesce(passed_at, ?) WHERE id = ?",
        (at, id_),
    )


def obeyed(connection: Connection, id_: str, at: int, note: str) -> None:
    """Mark as confirmed by the device; `note` says how."""
    connection.execute(
        "UPDATE downlinks SET obeyed_at = ?, note = ?"
        " WHERE id = ? AND obeyed_at IS NULL",
        (at, note, id_),
    )


def noted(connection: Connection, id_: str, note: str) -> None:
    """Note an event that is no progress."""
    connection.execute(
        "UPDATE downlinks SET note = ? WHERE id = ? AND obeyed_at IS NULL", (note, id_)
    )


def unfinished(connection: Connection, since: int) -> list[Downlink]:
    """Downlinks asked after `since` that are not confirmed."""
    return _rows(connection, "WHERE obeyed_at IS NULL AND asked_at > ?", (since,))


def listing(connection: Connection, device: int | None) -> list[Downlink]:
    """All that are kept, of one device or any, the newest first."""
    if device is None:
        return _rows(connection, "ORDER BY asked_at DESC LIMIT 1000", ())
    return _rows(connection, "WHERE device = ? ORDER BY asked_at DESC", (device,))


def _rows(
    connection: Connection, which: str, values: tuple[int, ...]
) -> list[Downlink]:
    found = connection.execute(f"SELECT {_COLUMNS} FROM downlinks {which}", values)
    return [Downlink._make((*row[:3], json.loads(row[3]), *row[4:])) for row in found]


def applications(connection: Connection) -> list[tuple[int, str]]:
    """The ChirpStack application of each device, by device number."""
    return connection.execute("SELECT device, application FROM applications").fetchall()


def keep_applications(connection: Connection, rows: Iterable[tuple[int, str]]) -> None:
    """Remember applications that are new or have changed."""
    connection.executemany(
        "INSERT INTO applications (device, application) VALUES (?, ?)"
        " ON CONFLICT (device) DO UPDATE SET application = excluded.application",
        rows,
    )
