"""What alerts are about, in the database: gateways, zones, and coded numbers.

A column `asset` holds the number of an asset, 0 for the hub itself, and below zero the
number of a gateway or a zone. Only `encode`, `subjects` and the query in
`forward_queue` know this.
"""

from collections.abc import Sequence
from typing import cast

from sensorhub.registry.subjects import HUB, GroupKind, Subject
from sensorhub.store import Connection


def load(connection: Connection) -> list[Subject]:
    """Load gateways and zones; none of a database from before there were any."""
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'places'"
    if connection.execute(table).fetchone() is None:
        return []
    rows = connection.execute("SELECT no, kind, id FROM places").fetchall()
    return [Subject(no, cast(GroupKind, kind), id_) for no, kind, id_ in rows]


def add(connection: Connection, places: Sequence[Subject]) -> None:
    """Write new gateways and zones in the caller's transaction."""
    connection.executemany("INSERT INTO places (no, kind, id) VALUES (?, ?, ?)", places)


def encode(subject: Subject) -> int:
    """Return the number of a subject in a column `asset`."""
    return -subject.no if subject.is_group else subject.no


def subjects(connection: Connection) -> dict[int, Subject]:
    """Load all subjects by their number in a column `asset`."""
    found = [HUB, *load(connection)]
    assets = connection.execute("SELECT no, id FROM assets")
    found += [Subject(no, "asset", id_) for no, id_ in assets]
    return {encode(subject): subject for subject in found}
