"""Retention: what is older than its kind is kept goes, some rows at a time.

Every job finds its rows anew, so that one that is run twice deletes nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from sensorhub.config.keeping import RetentionSettings
from sensorhub.store import Connection, rollup_blocks
from sensorhub.store.hot import outbox
from sensorhub.store.hot.counters import KEPT_FROM, kept_from, set_meta
from sensorhub.store.jobs import WriteJob
from sensorhub.store.rollup_blocks import BLOCK_MS, BLOCK_WEEKS
from sensorhub.store.rollups import DAY_MS, Bucket

STEP_ROWS = 200  # of one transaction
STEP_CHUNKS = 50
LOOK_DEVICES = 500
SERVICE_IDS = 1_000

OnLettersDeleted = Callable[[Iterable[str]], None]


class NumberedTable(NamedTuple):
    """Rows with a number of their own; `old` says which go, `:before` is the time."""

    table: str
    old: str


COMMANDS = NumberedTable("commands", "applied_at < :before")
SILENCES = NumberedTable("silences", "coalesce(ended_at, until_at) < :before")
DAMAGED = NumberedTable("damaged", "found_at < :before")
_LETTERS = (
    "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters"
    f" WHERE received_at < :before ORDER BY id LIMIT {STEP_ROWS}) RETURNING device"
)
_ALERTS = (
    "SELECT id FROM alerts WHERE started_at < :before AND state <> 'firing'"
    f" AND resolved_at < :before ORDER BY started_at LIMIT {STEP_ROWS}"
)
_SERVICES = (
    "SELECT id FROM services s WHERE id BETWEEN :low AND :high AND at < :before"
    " AND EXISTS (SELECT 1 FROM services n WHERE n.asset = s.asset AND n.kind = s.kind"
    f" AND n.at > s.at) LIMIT {STEP_ROWS}"
)
_CHUNKS = (
    "SELECT device, week FROM chunks c WHERE device BETWEEN :low AND :high"
    " AND week < :before AND EXISTS (SELECT 1 FROM rollups_day r"
    f" WHERE r.device = c.device AND r.block = c.week / {BLOCK_WEEKS})"
    f" LIMIT {STEP_CHUNKS}"
)


def jobs(
    read: Connection,
    settings: RetentionSettings,
    now: int,
    letters_gone: OnLettersDeleted,
    needed_from: int | None = None,
) -> Iterator[WriteJob]:
    """Everything that is too old at `now` (ms), step by step.

    Readings measured from `needed_from` on stay. `letters_gone` hears of the
    devices of dead letters that went, in the writer's thread.
    """
    yield from _of_devices(read, settings, now, needed_from)
    since = partial(_since, now)
    yield from _numbered(read, COMMANDS, since(settings.commands_d))
    yield from _numbered(read, SILENCES, since(settings.alerts_d))
    yield from _numbered(read, DAMAGED, since(settings.damaged_d))
    yield from _letters(read, since(settings.dead_letters_d), letters_gone)
    yield from _deliveries(read, since(settings.outbox_d))
    yield from _alerts(read, since(settings.alerts_d))
    yield from _services(read, since(settings.services_d))


def _since(now: int, days: int) -> int:
    return now - days * DAY_MS


def _of_devices(
    read: Connection,
    settings: RetentionSettings,
    now: int,
    needed_from: int | None,
) -> Iterator[WriteJob]:
    """Readings and rollups; readings only where there are rollups of them."""
    readings = _since(now, settings.readings_d)
    if needed_from is not None:
        readings = min(readings, needed_from)
    block = _block(readings)
    limit = rollup_blocks.begin_of(block)
    if limit > kept_from(read):
        yield partial(set_meta, key=KEPT_FROM, value=str(limit))
    yield from _ranges(read, "chunks", _CHUNKS, block * BLOCK_WEEKS, "week")
    for bucket, days in (
        (Bucket.HOUR, settings.hours_d),
        (Bucket.DAY, settings.days_d),
    ):
        table = rollup_blocks.TABLES[bucket]
        find = (
            f"SELECT device, block FROM {table} WHERE device BETWEEN :low AND :high"
            f" AND block < :before LIMIT {STEP_CHUNKS}"
        )
        yield from _ranges(read, table, find, _block(_since(now, days)), "block")


def _block(at: int) -> int:
    """The block that `at` (ms) lies in: earlier ones are older than it."""
    return (at - rollup_blocks.begin_of(0)) // BLOCK_MS


def _place(before: int, low: int, many: int) -> dict[str, int]:
    return {"before": before, "low": low, "high": low + many - 1}


def _ranges(
    read: Connection, table: str, find: str, before: int, key: str
) -> Iterator[WriteJob]:
    """Delete what `find` finds below `before`, going up through the devices."""
    (last,) = read.execute(f"SELECT max(device) FROM {table}").fetchone()
    for low in range(0, (last or 0) + 1, LOOK_DEVICES):
        place = _place(before, low, LOOK_DEVICES)
        while keys := read.execute(find, place).fetchall():
            yield partial(_delete, table=table, key=key, keys=keys)


def _delete(
    connection: Connection, table: str, key: str, keys: list[tuple[int, int]]
) -> None:
    connection.executemany(f"DELETE FROM {table} WHERE device = ? AND {key} = ?", keys)


def _numbered(read: Connection, kind: NumberedTable, before: int) -> Iterator[WriteJob]:
    find = f"SELECT id FROM {kind.table} WHERE {kind.old} LIMIT {STEP_ROWS}"
    while rows := read.execute(find, {"before": before}).fetchall():
        yield partial(_delete_ids, table=kind.table, ids=rows)


def _delete_ids(connection: Connection, table: str, ids: list[tuple[int]]) -> None:
    connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)


def _letters(
    read: Connection, before: int, gone: OnLettersDeleted
) -> Iterator[WriteJob]:
    def forget(connection: Connection) -> None:
        gone(
            name
            for (name,) in connection.execute(_LETTERS, {"before": before}).fetchall()
        )

    find = "SELECT 1 FROM dead_letters WHERE received_at < ? LIMIT 1"
    while read.execute(find, (before,)).fetchone():
        yield forget


def _deliveries(read: Connection, before: int) -> Iterator[WriteJob]:
    def purge(connection: Connection) -> None:
        outbox.purge(connection, before)

    while outbox.has_old(read, before):
        yield purge


def _alerts(read: Connection, before: int) -> Iterator[WriteJob]:
    while rows := read.execute(_ALERTS, {"before": before}).fetchall():
        yield partial(_delete_alerts, ids=rows)


def _delete_alerts(connection: Connection, ids: list[tuple[str]]) -> None:
    connection.executemany("DELETE FROM transitions WHERE alert = ?", ids)
    connection.executemany("DELETE FROM alerts WHERE id = ?", ids)


def _services(read: Connection, before: int) -> Iterator[WriteJob]:
    """Services are in the order of their numbers, but for those reported late."""
    low, last = read.execute("SELECT min(id), max(id) FROM services").fetchone()
    while low is not None and low <= last:
        place = _place(before, low, SERVICE_IDS)
        while rows := read.execute(_SERVICES, place).fetchall():
            yield partial(_delete_ids, table="services", ids=rows)
        low += SERVICE_IDS
        after = "SELECT at FROM services WHERE id >= ? ORDER BY id LIMIT 1"
        row = read.execute(after, (low,)).fetchone()
        if row is not None and row[0] >= before + DAY_MS:
            return
