"""Recovery of the state from the database: register, rules, checkpoints, journal.

For the hub itself, and for readers beside it, which write nothing.
"""

from collections.abc import Callable, Mapping

import structlog

from sensorhub.alerts.rules import Rule
from sensorhub.config.settings import Settings
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import Registry
from sensorhub.registry.subjects import Subjects
from sensorhub.state import checkpoint
from sensorhub.state.dedup_window import BARE_MS, RECENT
from sensorhub.state.fill_models import FillModels
from sensorhub.state.fold import fold
from sensorhub.state.state import State
from sensorhub.store import Connection, register
from sensorhub.store.hot import checkpoints, counters, journal, subject_rows

log = structlog.get_logger()
# keys in `meta`
MONITORED, SETTLED = "covered", "settled_at"


def settled_at(connection: Connection, now: int) -> int:
    """Of when (ms) the mountings are that the hub worked with last."""
    return int(counters.get_meta(connection, SETTLED) or now)


def registry_of(
    connection: Connection, profiles: Mapping[str, Profile], settled: int
) -> Registry:
    """Who is who, with the mountings of `settled` (ms)."""
    rows, last = register.registry_rows(connection), register.last_numbers(connection)
    registry = Registry(*rows, profiles, last)
    registry.settle(settled)
    return registry


def memory(
    connection: Connection,
    settings: Settings,
    registry: Registry,
    rules: tuple[Rule, ...],
    damaged: Callable[[journal.JournalRow], None] = lambda _row: None,
) -> tuple[State, int]:
    """What all uplinks made of it, and the last journal row that it stands for."""
    filling = FillModels(
        settings.deposits, settings.rounds, settings.timezone, settings.holidays
    )
    state = State(registry, rules, Subjects(subject_rows.load(connection)), filling)
    intervals = registry.interval_ms.copy()
    cursors = {}
    for row in checkpoints.load(connection):
        if row.sound:
            try:
                checkpoint.load(state, row.block, row.body)
                cursors[row.block] = row.cursor
            except ValueError:
                log.error("damaged checkpoint, folding more", block=row.block)
    blocks = range(checkpoint.blocks_of(state))
    oldest = min((cursors.get(b, 0) for b in blocks), default=0)
    start = checkpoints.fold_from(connection, oldest, RECENT, BARE_MS)
    rows = journal.rows_after(connection, start)
    last = fold(state, rows, cursors, damaged)
    registry.interval_ms[:] = intervals
    covered = counters.get_meta(connection, MONITORED)
    reception = state.reception
    reception.monitored_ms = max(reception.monitored_ms, int(covered or 0))
    return state, max(last, oldest)
