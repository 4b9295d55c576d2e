"""Checkpoint rows: a block of devices, and the journal row it stands for."""

import zlib
from typing import NamedTuple

from sensorhub.store import Connection


class Checkpoint(NamedTuple):
    """A block as stored. `sound` is false if the checksum does not match."""

    block: int
    cursor: int
    body: bytes
    sound: bool


def save(connection: Connection, block: int, cursor: int, body: bytes) -> None:
    """Write a block in the caller's transaction."""
    connection.execute(
        "INSERT OR REPLACE INTO checkpoints (block, cursor, checksum, body)"
        " VALUES (?, ?, ?, ?)",
        (block, cursor, zlib.crc32(body), body),
    )


def load(connection: Connection) -> list[Checkpoint]:
    """All blocks, the oldest last."""
    rows = connection.execute(
        "SELECT block, cursor, body, checksum FROM checkpoints ORDER BY cursor DESC"
    )
    return [Checkpoint(b, c, body, zlib.crc32(body) == s) for b, c, body, s in rows]


def fold_from(connection: Connection, cursor: int, uplinks: int, span_ms: int) -> int:
    """The journal row after which a fold begins.

    Not later than `cursor`, and so that at least `uplinks` uplinks and the last
    `span_ms` are seen.
    """
    seen, newest = 0, None
    rows = connection.execute(
        "SELECT id, uplinks, received_at FROM journal ORDER BY id DESC"
    )
    for id_, count, at in rows:
        newest = at if newest is None else newest
        seen += count
        if seen >= uplinks and id_ <= cursor and at < newest - span_ms:
            return int(id_) - 1
    return 0
