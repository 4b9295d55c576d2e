"""The hub's loop: process a batch, commit it, acknowledge it; commands and ticks."""

import threading
import time
from dataclasses import dataclass, field

from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.hub.self_monitor import SelfMonitor
from sensorhub.hub.stall_detector import StallDetector
from sensorhub.hub.uplink_receiver import UplinkReceiver
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.transactions import commits_of_others

TICK_S = 0.25
POLL_COMMANDS_S = 0.02


@dataclass(slots=True, kw_only=True)
class HubLoop:
    """Runs in the hub's thread until `stopping` is set.

    `reload_rules` is set to have rules.toml read at once.
    """

    hub: Hub
    queue: WriteQueue
    uplinks: UplinkReceiver
    commands: CommandDispatcher
    rules: RulesWatcher
    watchdog: Watchdog
    monitor: SelfMonitor
    stalls: StallDetector
    stopping: threading.Event
    reload_rules: threading.Event
    _commits_of_others: int = field(default=-1, init=False)
    _next_poll: float = field(default=0.0, init=False)
    _next_tick: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Work until stopped. Raises what ends the source (TakenOver), StoreError."""
        while not self.stopping.is_set():
            batch = self.uplinks.take_batch()
            self._apply_commands()
            self._watch_rules()
            if batch is not None:
                self.uplinks.process_batch(batch)
            elif self.queue:
                self.queue.commit(self.hub, ChangeSet())
            self._tick()
            if self.hub.checkpoint_due():
                self.hub.checkpoint_next()

    def _apply_commands(self) -> None:
        real = time.monotonic()
        if real < self._next_poll:
            return
        self._next_poll = real + POLL_COMMANDS_S
        commits = commits_of_others(self.hub.connection)
        if commits != self._commits_of_others:
            self._commits_of_others = commits
            self.commands.apply_waiting()

    def _watch_rules(self) -> None:
        if self.reload_rules.is_set():
            self.reload_rules.clear()
            self.rules.read()
        self.rules.watch(time.monotonic())

    def _tick(self) -> None:
        real = time.monotonic()
        if real < self._next_tick:
            return
        self._next_tick = real + TICK_S
        now = self.hub.now()
        in_time = self.stalls.kept(real, now)
        hearing = self.uplinks.hearing() and in_time
        self.uplinks.clear_stale_states()
        change_set = self.watchdog.tick(now, hearing, int(real * 1000))
        self.monitor.update_alerts(change_set, now)
        self.queue.commit(self.hub, change_set)
