"""The hub's loop: acknowledged is what was committed; a full disk hears nobody."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from sensorhub.codecs.protocol import NO_CODECS
from sensorhub.errors import StoreError, TakenOver
from sensorhub.hub import loop as loop_module
from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.loop import HubLoop
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.hub.self_monitor import SelfMonitor
from sensorhub.hub.stall_detector import StallDetector
from sensorhub.hub.tail import TailServer
from sensorhub.hub.uplink_receiver import UplinkReceiver
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.write_queue import WriteQueue
from sensorhub.model import Batch
from sensorhub.store.disk_space import DiskSpace
from sensorhub.store.hot.changeset import ChangeSet
from tests.support.stories import Story
from tests.support.town import FLEET, NOW, UP, native

DONE = "done"
SPEED = 600.0


class FakeSource:
    """A `model.UplinkSource` that gives batches, then stops the loop."""

    drained = True
    pending = 0

    def __init__(
        self, batches: int, events: list[str], stopping: threading.Event
    ) -> None:
        self.taken_over = False
        self.left = batches
        self._events, self._stopping = events, stopping

    def check(self) -> None:
        if self.taken_over:
            raise TakenOver("a younger hub")

    def take_batch(self, _limit: int, _wait_s: float) -> Batch | None:
        if not self.left:
            self._stopping.set()
            return None
        self.left -= 1
        return Batch([native("d1", {"fill_level": 5.0}, seq=self.left)], self.left)

    def acknowledge(self, _batch: Batch) -> None:
        self._events.append(DONE)


class Rig:
    """A loop over a hub of a story and a source; `events`: what happened, in order."""

    def __init__(self, story: Story, batches: int) -> None:
        self.hub = story.hub
        self.stopping = threading.Event()
        self.events: list[str] = []
        self.source = FakeSource(batches, self.events, self.stopping)
        self.free = 1e9
        self.jobs = WriteQueue()
        self._tail = TailServer(story.place.data)
        self.hub.now = Clock(NOW, SPEED).now
        disk = DiskSpace(story.place.data, 100, free=lambda _folder: self.free)
        commands = CommandDispatcher(self.hub)
        uplinks = UplinkReceiver(
            hub=self.hub,
            source=self.source,
            batches=BatchProcessor(self.hub, self._commit),
            tail=self._tail,
            disk=disk,
            clear_state=lambda _topic: True,
        )
        self._loop = HubLoop(
            hub=self.hub,
            queue=self.jobs,
            uplinks=uplinks,
            commands=commands,
            rules=RulesWatcher(story.place.config, self.hub, commands),
            watchdog=Watchdog(self.hub, NOW),
            monitor=SelfMonitor(hub=self.hub, disk=disk, codecs=NO_CODECS),
            stalls=StallDetector(SPEED),
            stopping=self.stopping,
            reload_rules=threading.Event(),
        )
        self.hub.connection.set_trace_callback(self._trace)

    def _commit(self, change_set: ChangeSet) -> None:
        self.jobs.commit(self.hub, change_set)

    def _trace(self, statement: str) -> None:
        """Of what the database is told: journal rows, and ends of transactions."""
        words = statement.split()
        if words[:3] == ["INSERT", "INTO", "journal"]:
            self.events.append("journal")
        elif words[0] in ("COMMIT", "ROLLBACK") and "journal" in self.events[-1:]:
            self.events.append(words[0])

    def run(self) -> None:
        """Run the loop until it is stopped."""
        try:
            self._loop.run()
        finally:
            self._tail.close()


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    story = Story(tmp_path, NOW, UP, FLEET)
    yield story
    story.hub.close()


def test_a_batch_is_acknowledged_once_it_is_committed(story: Story) -> None:
    rig = Rig(story, 3)
    rig.run()
    assert rig.events == ["journal", "COMMIT", DONE] * 3


def busy(times: int) -> Callable[[sqlite3.Connection], None]:
    """A write of the same transaction that meets a lock so many times."""
    left = [None] * times

    def write(_connection: sqlite3.Connection) -> None:
        if left:
            left.pop()
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error

    return write


def test_what_cannot_be_written_yet_is_not_acknowledged(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.hub.hub.time.sleep", lambda _s: None)
    rig = Rig(story, 1)
    rig.jobs.submit(busy(3))
    rig.run()
    assert rig.events == [*["journal", "ROLLBACK"] * 3, "journal", "COMMIT", DONE]


def test_what_was_never_written_is_never_acknowledged(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.hub.hub.time.sleep", lambda _s: None)
    rig = Rig(story, 1)
    monkeypatch.setattr(rig.hub, "_stopping", lambda: True)
    rig.jobs.submit(busy(1))
    with pytest.raises(StoreError):
        rig.run()
    assert rig.events == ["journal", "ROLLBACK"]


@pytest.mark.parametrize("full", [False, True])
def test_while_the_disk_is_full_nothing_is_taken_and_nobody_is_silent(
    story: Story, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    ticks = iter(range(3))
    rig = Rig(story, 9)
    rig.free = 0 if full else 1e9
    whole = Watchdog.tick

    def tick(watchdog: Watchdog, now: int, hearing: bool, real_ms: int) -> ChangeSet:
        if next(ticks, None) is None:
            rig.stopping.set()
        return whole(watchdog, now, hearing, real_ms)

    monkeypatch.setattr(loop_module, "TICK_S", 0.01)
    monkeypatch.setattr(Watchdog, "tick", tick)
    before = monitored(rig.hub)
    rig.run()
    assert (monitored(rig.hub) == before) is full
    assert (rig.source.left == 9) is full


def monitored(hub: Hub) -> int:
    """The time (ms) in which the hub could hear."""
    return hub.session.state.reception.monitored_ms


def test_a_source_that_has_ended_ends_the_loop(story: Story) -> None:
    rig = Rig(story, 3)
    rig.source.taken_over = True
    with pytest.raises(TakenOver):
        rig.run()
    assert rig.source.left == 3
