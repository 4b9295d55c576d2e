"""The hub's heart: loads, folds, commits. The only writer of the database.

`Hub` owns the connection and everything that a restart rebuilds. Pipeline,
watchdog and commands change it and hand their ledgers to `commit`.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.alerting.notifications import Wants
from sensorhub.alerts.rules import compile_rules
from sensorhub.codecs.protocol import NO_CODECS, CodecRunner
from sensorhub.config.settings import Settings
from sensorhub.errors import StoreError
from sensorhub.ingest.downlink_tracker import DownlinkTracker
from sensorhub.ingest.reader import MessageReader
from sensorhub.model import NEVER
from sensorhub.registry.profiles import Profile
from sensorhub.rules.schema import parse_rules
from sensorhub.standards import Standards, built_in
from sensorhub.state import checkpoint
from sensorhub.state.recovery import COVERED, SETTLED, memory, registry_of, settled_at
from sensorhub.store import (
    OperationalError,
    database,
    forward_queue,
    register,
    rule_versions,
)
from sensorhub.store.hot import (
    checkpoints,
    counters,
    damaged_rows,
    journal,
    outbox,
    subject_rows,
)
from sensorhub.store.hot.changeset import Action, ChangeSet
from sensorhub.store.hot.dead_letters import Shelf
from sensorhub.store.hot.transactions import transaction

log = structlog.get_logger()


def all_wanted(choice: object, event: object, told_before: str) -> bool:
    """Every subscriber wants everything."""
    return True


class Hub:
    """State, desk and intake over one database; see `load`."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        profiles: dict[str, Profile],
        now: Callable[[], int],
        *,
        wants: Wants = all_wanted,
        stopping: Callable[[], bool] = lambda: False,
        standards: Standards | None = None,
        codecs: CodecRunner = NO_CODECS,
    ) -> None:
        self.settings = settings
        self.profiles = profiles
        self.now = now
        self._wants = wants
        self._stopping = stopping
        self.standards = standards or built_in()
        self.codecs = codecs
        self.downlink_tracker = DownlinkTracker()
        self.connection = database.connect(folder)
        self.cursor = 0
        self.outbox_listeners: list[Callable[[list[outbox.OutboxRow]], None]] = []
        self._on_commit: list[Action] = []
        self.damaged: list[journal.JournalRow] = []
        self._uncheckpointed = 0
        self._next_block = 0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    # -- start --

    def _begin(self) -> None:
        bounds = self.settings.dead_letters
        self.shelf = Shelf(self.connection, bounds.per_device, bounds.total)
        self.counters: Counter[str] = counters.load(self.connection)
        self.load()
        self.remount(self.now())

    def load(self, settle_at: int | None = None) -> None:
        """Build everything from the database: register, rules, state, alerts.

        Mountings are those of `settle_at`; where it is not given those that the
        hub worked with last, so that the fold meets what the uplinks met.
        """
        connection, now = self.connection, self.now()
        self._settled = settle_at or settled_at(connection, now)
        self.registry = registry_of(connection, self.profiles, self._settled)
        self.rules_version, text = rule_versions.latest(connection)
        name = f"rules version {self.rules_version}"
        self.book = parse_rules(text, name, self.standards)
        air = self.settings.air.pressure_kpa
        rules = compile_rules(self.book, self.settings.timezone, air)
        self.versions = f"{self.rules_version}.{register.version(connection)}"
        self.damaged.clear()
        known = (connection, self.settings, self.registry, rules)
        self.state, last = memory(*known, self.damaged.append)
        self.cursor = max(last, self.cursor)
        fresh = self.state.reception.monitored_at == NEVER
        self.state.reception.monitored_at[fresh] = self.state.reception.monitored_ms
        self.state.rules.refresh()
        self._seat(now)
        self._reconcile(now)
        if fresh.any():  # their silence counts from here on, whatever comes
            self.checkpoint_all()

    def _seat(self, now: int) -> None:
        """Who decides and who reads, over the state as it is."""
        connection, mqtt = self.connection, self.settings.mqtt
        self.lifecycle = AlertLifecycle(self.state, self.book.inhibit, self._wants)
        self.lifecycle.restore(connection, now)
        self.downlink_tracker.load(connection, len(self.registry.device_ids), now)
        self.reader = MessageReader(
            self.registry,
            mqtt.topics,
            mqtt.max_payload_bytes,
            codecs=self.codecs,
        )

    def reload_silences(self) -> None:
        """Silences changed."""
        self.lifecycle.reload_silences(self.connection, self.now())

    def reload_subscriptions(self) -> None:
        """Subscriptions changed."""
        self.lifecycle.reload_subscriptions(self.connection)

    def _reconcile(self, now: int) -> None:
        change_set = ChangeSet()
        known = damaged_rows.numbers(self.connection)
        found = [row for row in self.damaged if row.id not in known]
        self.lifecycle.reconcile(change_set, found, now)
        self.damaged.clear()
        self.commit(change_set)

    # -- writing --

    def commit(self, change_set: ChangeSet) -> None:
        """Write a change set in one transaction; then what follows the commit.

        A database that is locked or full is waited for: what is in the change set
        has moved the memory already and must not be lost.
        """
        if change_set.empty():
            return
        change_set.versions = self.versions
        waited = 0.05
        while True:
            try:
                row = self._write(change_set)
                break
            except OperationalError as error:
                if not database.may_pass(error):
                    raise
                if self._stopping():
                    raise StoreError(
                        f"stopped while waiting to write: {error}"
                    ) from error
                log.error("the database cannot be written, waiting", error=str(error))
                time.sleep(waited)
                waited = min(2 * waited, 5.0)
        self.cursor = row or self.cursor
        self.counters.update(change_set.moved)
        if change_set.journal is not None:
            self._uncheckpointed += change_set.journal.uplinks
        for action in (*change_set.after_commit, *self._on_commit):
            _run(action)
        for listener in self.outbox_listeners:
            _run(partial(listener, change_set.outbox))

    def on_commit(self, action: Action) -> None:
        """Run `action` after the COMMIT of the open transaction.

        For writes that know only in the transaction what has to follow; where it is
        rolled back the action is dropped.
        """
        self._on_commit.append(action)

    def _write(self, change_set: ChangeSet) -> int:
        self._on_commit.clear()
        try:
            with transaction(self.connection):
                if new := self.state.places.new:  # with what uses their numbers
                    subject_rows.add(self.connection, new)
                    self.on_commit(new.clear)
                row = change_set.write(self.connection, self.shelf)
                if self.settings.influx.on and change_set.transitions:
                    ids = [transition.id for transition in change_set.transitions]
                    forward_queue.remember(self.connection, ids)
        except BaseException:
            self.shelf.recount(self.connection)
            raise
        return row

    # -- checkpoints --

    def checkpoint_due(self) -> bool:
        """Whether the next block of the rolling checkpoint should be written."""
        blocks = max(1, checkpoint.blocks_of(self.state))
        every = self.settings.history.checkpoint_uplinks
        return self._uncheckpointed * blocks >= every

    def checkpoint_next(self) -> None:
        """Write the next block, in a short transaction of its own."""
        blocks = max(1, checkpoint.blocks_of(self.state))
        self._uncheckpointed = 0
        block = self._next_block % blocks
        self._next_block = block + 1
        change_set = ChangeSet()
        self._add_block(change_set, block)
        self.commit(change_set)

    def _add_block(self, change_set: ChangeSet, block: int) -> None:
        body, cursor = checkpoint.dump(self.state, block), self.cursor
        change_set.writes.append(lambda c: checkpoints.save(c, block, cursor, body))
        self.remember(change_set)

    def remember(self, change_set: ChangeSet, **times: int) -> None:
        """Write down how much time was covered, and other times (ms) by name."""
        times |= {COVERED: self.state.reception.monitored_ms, SETTLED: self._settled}
        for key, value in times.items():
            change_set.writes.append(
                partial(counters.set_meta, key=key, value=str(value))
            )

    def checkpoint_all(self) -> None:
        """Write every block: at a clean stop and before anything is rebuilt."""
        for block in range(checkpoint.blocks_of(self.state)):
            change_set = ChangeSet()
            self._add_block(change_set, block)
            self.commit(change_set)

    def rebuild(self) -> None:
        """Register, rules or mountings changed: begin anew from the database.

        Every block must have been written before the change.
        """
        self.load(self.now())
        self.checkpoint_all()

    def remount(self, now: int) -> None:
        """Take mountings whose time has begun or ended."""
        if now >= self.registry.next_change:
            self.checkpoint_all()
            self.rebuild()

    def close(self) -> None:
        """Give the database back."""
        self.connection.close()


def _run(action: Action) -> None:
    """Run what follows a commit: the transaction is written, whatever breaks here."""
    try:
        action()
    except Exception:
        log.exception("what follows a commit failed")
