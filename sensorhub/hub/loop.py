"""The hub's loop: take a batch, write it, acknowledge; act, look, tick between."""

import threading
import time
from collections import Counter
from dataclasses import dataclass

import structlog

from sensorhub.clock import Clock
from sensorhub.codecs.runner import Codecs
from sensorhub.errors import TakenOver
from sensorhub.forward.forwarder import Forwarder
from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.hub.stall_detector import StallDetector
from sensorhub.hub.tail import TailServer
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.listeners.mqtt import MqttListener
from sensorhub.model import Batch, Message
from sensorhub.store import Connection
from sensorhub.store.disk_space import DiskSpace
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.transactions import commits_of_others

log = structlog.get_logger()
BATCH = 2_000
WAIT_S = 0.02
TICK_S = 0.25
LOOK_S = 0.02
FREE_S = 0.002  # the write lock is left free between commits


@dataclass(slots=True)
class Parts:
    """What the loop works with; others build and stop it."""

    hub: Hub
    clock: Clock
    jobs: WriteQueue
    batches: BatchProcessor
    listener: MqttListener
    room: DiskSpace
    commands: CommandDispatcher
    rules: RulesWatcher
    watchdog: Watchdog
    tail: TailServer
    codecs: Codecs
    forwarder: Forwarder | None = None


class Loop:
    """Runs in the hub's thread until `stopping` is set; `hang_up`: read rules now.

    Raises TakenOver when a younger hub uses our client id.
    """

    def __init__(
        self, parts: Parts, stopping: threading.Event, hang_up: threading.Event
    ) -> None:
        self._parts = parts
        self._hub, self._listener = parts.hub, parts.listener
        self._stopping, self._hang_up = stopping, hang_up
        self._pace = StallDetector(parts.clock.speed)
        self._data_version = -1
        self._next_look = 0.0
        self._next_tick = 0.0
        self._damage = 0
        self._stale: set[str] = set()

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            if self._listener.taken_over.is_set():
                raise TakenOver("a younger hub uses this client id; this one ends")
            batch = self._take()
            self._look_for_commands()
            self._look_for_rules()
            if batch is not None:
                self._batch(batch)
            elif self._parts.jobs:
                self._commit(ChangeSet())
            self._tick()
            if self._hub.checkpoint_due():
                self._hub.checkpoint_next()

    def damaged(self, connection: Connection, number: int, uplinks: int) -> None:
        """A part of the history was set aside; the next tick tells it."""
        log.error("damaged history was set aside", row=number, uplinks=uplinks)
        self._hub.on_commit(self._note_damage)
        if number > 0:
            damage = Counter(journal_rows_damaged=1, uplinks_damaged=uplinks)
        else:  # a slice or a chunk of the history
            damage = Counter(history_parts_damaged=1)
        counters.add(connection, damage)

    def _note_damage(self) -> None:
        self._damage += 1

    def _commit(self, change_set: ChangeSet) -> None:
        self._parts.jobs.commit(self._hub, change_set)

    # -- uplinks --

    def _take(self) -> Batch | None:
        """What came; nothing while the disk is nearly full: the broker keeps it."""
        if self._parts.room.full():
            self._stopping.wait(WAIT_S)
            return None
        return self._listener.take(BATCH, WAIT_S)

    def _batch(self, batch: Batch) -> None:
        """Take a batch, then rest: where little comes, until more is together.

        A broker that sends as much again at once has more, or waits for us.
        """
        began = time.monotonic()
        self._messages(batch.messages)
        self._listener.done(batch)
        time.sleep(FREE_S)
        if 2 * self._listener.pending < len(batch.messages):
            time.sleep(max(0.0, began + WAIT_S - time.monotonic()))

    def _messages(self, messages: list[Message]) -> None:
        parts = self._parts
        for part in parts.batches.process(messages, parts.clock.now()):
            self._stale.update(part.changes.stale)
            if parts.tail.watched:
                parts.tail.show(self._hub.session.registry, part.parsed, part.columns)

    def _clear_stale(self) -> None:
        """Empty retained states that no open alert stands for, once there is room."""
        for topic in sorted(self._stale):
            fires = self._hub.session.lifecycle.fires_topic(topic)
            if fires or self._listener.publish(topic, b"", retain=True):
                self._stale.discard(topic)

    # -- between batches --

    def _look_for_commands(self) -> None:
        real = time.monotonic()
        if real < self._next_look:
            return
        self._next_look = real + LOOK_S
        version = commits_of_others(self._hub.connection)
        if version != self._data_version:
            self._data_version = version
            self._parts.commands.apply_waiting()

    def _look_for_rules(self) -> None:
        if self._hang_up.is_set():
            self._hang_up.clear()
            self._parts.rules.take()
        self._parts.rules.look(time.monotonic())

    def _tick(self) -> None:
        real = time.monotonic()
        if real < self._next_tick:
            return
        self._next_tick = real + TICK_S
        parts, now = self._parts, self._parts.clock.now()
        kept_pace = self._pace.kept(real, now)
        hearing = self._listener.drained and kept_pace and not parts.room.full()
        self._clear_stale()
        change_set = parts.watchdog.tick(now, hearing, int(real * 1000))
        self._tell_of_ourselves(change_set, now)
        self._commit(change_set)

    def _tell_of_ourselves(self, change_set: ChangeSet, now: int) -> None:
        """Alerts about the hub itself begin and end."""
        parts, lifecycle = self._parts, self._hub.session.lifecycle
        full, free = parts.room.full(), round(parts.room.free_mb)
        lifecycle.system.set(change_set, "disk_low", full, now, free)
        if self._damage:
            lifecycle.system.set(change_set, "journal_damaged", True, now, self._damage)
            self._damage = 0
        off = parts.codecs.off()
        names = ", ".join(f"codecs/{name}" for name in off)
        lifecycle.system.set(
            change_set, "codec_off", bool(off), now, len(off), about=names
        )
        stuck = parts.forwarder.stuck() if parts.forwarder else None
        hours, reason = stuck or (0.0, "")
        fires = stuck is not None
        lifecycle.system.set(
            change_set, "influx_stuck", fires, now, hours, about=reason
        )
