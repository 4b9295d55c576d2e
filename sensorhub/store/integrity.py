"""Reading everything that has a checksum, in short reads: is it as it was written?"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sensorhub.columns import unpack, unpack_notes
from sensorhub.store import Connection, chunks, database, rollup_blocks, slices

PAGE = 200  # rows of one read
BodyCheck = Callable[[tuple[int, ...], bytes], object]


class CheckedTable(NamedTuple):
    """A kind of rows with a checksum; `key` names one of them."""

    name: str
    table: str
    key: tuple[str, ...]
    unpack: BodyCheck


class TableCheck(NamedTuple):
    """What was read of a kind, and the keys of what is damaged."""

    name: str
    rows: int
    size: int
    damaged: list[str]


def _journal(_key: tuple[int, ...], body: bytes) -> None:
    unpack(body)
    unpack_notes(body)


def _any(_key: tuple[int, ...], _body: bytes) -> None:
    """The checksum alone tells."""


CHECKED_TABLES = (
    CheckedTable("journal", "journal", ("id",), _journal),
    CheckedTable("slices", "slices", ("id",), lambda _, body: slices.unpack(body)),
    CheckedTable(
        "chunks",
        "chunks",
        ("device", "week"),
        lambda key, body: chunks.unpack(key[0], body),
    ),
    CheckedTable(
        "rollups by hour",
        "rollups_hour",
        ("device", "block"),
        lambda key, body: rollup_blocks.unpack(key[0], key[1], body),
    ),
    CheckedTable(
        "rollups by day",
        "rollups_day",
        ("device", "block"),
        lambda key, body: rollup_blocks.unpack(key[0], key[1], body),
    ),
    CheckedTable("checkpoints", "checkpoints", ("block",), _any),
    CheckedTable("forwarding", "forward_marks", ("no",), _any),
)


def check(connection: Connection, part: CheckedTable) -> TableCheck:
    """Read all rows of a kind; where the hub writes meanwhile, as they are by then."""
    rows = size = 0
    damaged = []
    for *key, checksum, body in _rows(connection, part):
        rows += 1
        size += len(body)
        if not _sound(part, tuple(key), checksum, body):
            words = ", ".join(f"{n} {k}" for n, k in zip(part.key, key, strict=True))
            damaged.append(f"{part.name}: {words}")
    return TableCheck(part.name, rows, size, damaged)


def _rows(connection: Connection, part: CheckedTable) -> Iterator[tuple[Any, ...]]:
    names = ", ".join(part.key)
    marks = ", ".join("?" * len(part.key))
    query = (
        f"SELECT {names}, checksum, CAST(body AS BLOB) FROM {part.table}"
        f" WHERE ({names}) > ({marks}) ORDER BY {names} LIMIT {PAGE}"
    )
    last: tuple[Any, ...] = (-(2**62),) * len(part.key)
    while found := connection.execute(query, last).fetchall():
        yield from found
        last = found[-1][: len(part.key)]


def _sound(
    part: CheckedTable, key: tuple[int, ...], checksum: int, body: bytes
) -> bool:
    if zlib.crc32(body) != checksum:
        return False
    try:
        part.unpack(key, body)
    except ValueError:
        return False
    return True


def pages(connection: Connection, *, whole: bool) -> list[str]:
    """What SQLite finds wrong with its pages and indexes, in words.

    Not `whole`: table by table, each in a short read beside a hub that writes.
    """
    names = [None] if whole else database.tables(connection)
    return [
        f"database: {fault}"
        for name in names
        for fault in database.integrity_faults(connection, name)
    ]
