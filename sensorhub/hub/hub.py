"""The hub: loads its session, commits change sets, writes checkpoints.

Pipeline, watchdog and commands change the session's memory and hand their change
sets to `Hub.commit`.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from sensorhub.errors import StoreError
from sensorhub.hub.session import Configuration, Session, build_session
from sensorhub.state import checkpoint
from sensorhub.state.recovery import MONITORED, SETTLED, settled_at
from sensorhub.store import OperationalError, database, forward_queue
from sensorhub.store.hot import (
    checkpoints,
    counters,
    damaged_rows,
    journal,
    outbox,
    subject_rows,
)
from sensorhub.store.hot.changeset import Action, ChangeSet
from sensorhub.store.hot.dead_letters import DeadLetterStore
from sensorhub.store.hot.transactions import transaction

log = structlog.get_logger()


class Hub:
    """The only writer of a database, and the session that was built from it."""

    session: Session

    def __init__(
        self,
        folder: Path,
        configuration: Configuration,
        now: Callable[[], int],
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.folder = folder
        self.configuration = configuration
        self.now = now
        self._stopping = stopping
        self.connection = database.connect(folder)
        self.cursor = 0
        self.outbox_listeners: list[Callable[[list[outbox.OutboxRow]], None]] = []
        self._on_commit: list[Action] = []
        self._uncheckpointed = 0
        self._next_block = 0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    # -- start --

    def _begin(self) -> None:
        bounds = self.configuration.settings.dead_letters
        self.dead_letters = DeadLetterStore(
            self.connection, bounds.per_device, bounds.total
        )
        self.counters: Counter[str] = counters.load(self.connection)
        self.load()
        self.remount(self.now())

    def load(self, settle_at: int | None = None) -> None:
        """Build a session from the database and work with that from now on.

        Mountings are those of `settle_at`; where it is not given those that the
        hub worked with last, so that the fold meets what the uplinks met.
        """
        now = self.now()
        settle_at = settle_at or settled_at(self.connection, now)
        recovered = build_session(self.connection, self.configuration, settle_at, now)
        self.session = recovered.session
        self.cursor = max(recovered.cursor, self.cursor)
        self._reconcile(recovered.damaged, now)
        if recovered.new_devices:  # monitored from here on, whatever comes
            self.checkpoint_all()

    def _reconcile(self, damaged: list[journal.JournalRow], now: int) -> None:
        change_set = ChangeSet()
        known = damaged_rows.numbers(self.connection)
        found = [row for row in damaged if row.id not in known]
        self.session.lifecycle.reconcile(change_set, found, now)
        self.commit(change_set)

    def reload_silences(self) -> None:
        """Silences changed."""
        self.session.lifecycle.reload_silences(self.connection, self.now())

    def reload_subscriptions(self) -> None:
        """Subscriptions changed."""
        self.session.lifecycle.reload_subscriptions(self.connection)

    # -- writing --

    def commit(self, change_set: ChangeSet) -> None:
        """Write a change set in one transaction; then what follows the commit.

        A database that is locked or full is waited for: what is in the change set
        has moved the memory already and must not be lost.
        """
        if change_set.empty():
            return
        change_set.versions = self.session.versions
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
                # new subjects: in the transaction with what uses their numbers
                if new := self.session.state.subjects.new:
                    subject_rows.add(self.connection, new)
                    self.on_commit(new.clear)
                row = change_set.write(self.connection, self.dead_letters)
                if self.configuration.settings.influx.on and change_set.transitions:
                    ids = [transition.id for transition in change_set.transitions]
                    forward_queue.remember(self.connection, ids)
        except BaseException:
            self.dead_letters.recount(self.connection)
            raise
        return row

    # -- checkpoints --

    def checkpoint_due(self) -> bool:
        """Whether the next block of the rolling checkpoint should be written."""
        blocks = max(1, checkpoint.blocks_of(self.session.state))
        every = self.configuration.settings.history.checkpoint_uplinks
        return self._uncheckpointed * blocks >= every

    def checkpoint_next(self) -> None:
        """Write the next block, in a short transaction of its own."""
        blocks = max(1, checkpoint.blocks_of(self.session.state))
        self._uncheckpointed = 0
        block = self._next_block % blocks
        self._next_block = block + 1
        change_set = ChangeSet()
        self._add_block(change_set, block)
        self.commit(change_set)

    def _add_block(self, change_set: ChangeSet, block: int) -> None:
        body, cursor = checkpoint.dump(self.session.state, block), self.cursor
        change_set.writes.append(lambda c: checkpoints.save(c, block, cursor, body))
        self.remember(change_set)

    def remember(self, change_set: ChangeSet, **times: int) -> None:
        """Write down how much time was covered, and other times (ms) by name."""
        times |= {
            MONITORED: self.session.state.reception.monitored_ms,
            SETTLED: self.session.settled_at,
        }
        for key, value in times.items():
            change_set.writes.append(
                partial(counters.set_meta, key=key, value=str(value))
            )

    def checkpoint_all(self) -> None:
        """Write every block: at a clean stop and before anything is rebuilt."""
        for block in range(checkpoint.blocks_of(self.session.state)):
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
        if now >= self.session.registry.next_change:
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
