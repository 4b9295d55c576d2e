"""Gateways and zones that alerts can be about, in the database."""

from collections.abc import Sequence
from typing import cast

from sensorhub.registry.subjects import Kind, Subject
from sensorhub.store import Connection


def load(connection: Connection) -> list[Subject]:
    """All places; none in the copy of a database from before there were any."""
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'places'"
    if connection.execute(table).fetchone() is None:
        return []
    rows = connection.execute("SELECT no, kind, id FROM places").fetchall()
    return [Subject(no, cast(Kind, kind), id_) for no, kind, id_ in rows]


def add(connection: Connection, places: Sequence[Subject]) -> None:
    """Write new places in the caller's transaction."""
    connection.executemany("INSERT INTO places (no, kind, id) VALUES (?, ?, ?)", places)


def names(connection: Connection) -> dict[int, str]:
    """Ids by the numbers under which alerts have them: below zero."""
    return {-place.no: place.id for place in load(connection)}
