"""Operators' commands: appended by other processes, applied by the hub."""

import json
from typing import Any, NamedTuple

from sensorhub.store import Connection
from sensorhub.store.hot.transactions import transaction


class Command(NamedTuple):
    """A command that waits to be applied."""

    id: int
    at: int
    by: str
    kind: str
    arguments: dict[str, Any]


def append(
    connection: Connection,
    *,
    at: int,
    by: str,
    kind: str,
    arguments: dict[str, Any],
) -> int:
    """Append a command in its own short transaction; returns its number."""
    with transaction(connection):
        cursor = connection.execute(
            "INSERT INTO commands (at, by_, kind, arguments) VALUES (?, ?, ?, ?)",
            (at, by, kind, json.dumps(arguments, ensure_ascii=False)),
        )
    return int(cursor.lastrowid or 0)


def waiting(connection: Connection) -> list[Command]:
    """Commands not applied yet, oldest first."""
    rows = connection.execute(
        "SELECT id, at, by_, kind, arguments FROM commands"
        " WHERE applied_at IS NULL ORDER BY id"
    )
    return [Command(id_, at, by, kind, _object(x)) for id_, at, by, kind, x in rows]


def _object(text: str) -> dict[str, Any]:
    """Arguments; none where somebody else wrote what is no JSON object."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def finish(connection: Connection, id_: int, at: int, result: dict[str, Any]) -> None:
    """Store the result, in the transaction that applied the command.

    Secrets, and arguments as large as a register file, are not kept.
    """
    connection.execute(
        "UPDATE commands SET applied_at = ?, result = ?, arguments ="
        " CASE WHEN kind = 'subscribe' OR length(arguments) > 10000 THEN '{}'"
        " ELSE arguments END"
        " WHERE id = ?",
        (at, json.dumps(result, ensure_ascii=False), id_),
    )


def result_of(connection: Connection, id_: int) -> dict[str, Any] | None:
    """The result of a command; None: it is not applied yet."""
    row = connection.execute(
        "SELECT result FROM commands WHERE id = ? AND applied_at IS NOT NULL", (id_,)
    ).fetchone()
    return json.loads(row[0]) if row else None
