"""Uplinks from their source: processed, committed, then acknowledged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sensorhub.hub.batch_processor import BatchProcessor
from sensorhub.hub.hub import Hub
from sensorhub.hub.tail import TailServer
from sensorhub.model import Batch, UplinkSource
from sensorhub.store.disk_space import DiskSpace

BATCH_MESSAGES = 2_000
WAIT_S = 0.02
FREE_S = 0.002  # the write lock is left free between commits


@dataclass(slots=True, kw_only=True)
class UplinkReceiver:
    """Takes batches from a source; acknowledges each after its commit.

    `clear_state(topic)` has a retained alert state cleared where it is published,
    and returns whether that was accepted.
    """

    hub: Hub
    source: UplinkSource
    batches: BatchProcessor
    tail: TailServer
    disk: DiskSpace
    clear_state: Callable[[str], bool]
    _stale: set[str] = field(default_factory=set, init=False)

    def take_batch(self) -> Batch | None:
        """Take what has arrived; nothing while the disk is full: the source keeps it.

        Raises what ends the source (TakenOver).
        """
        self.source.check()
        if self.disk.full():
            time.sleep(WAIT_S)
            return None
        return self.source.take_batch(BATCH_MESSAGES, WAIT_S)

    def process_batch(self, batch: Batch) -> None:
        """Process, commit and acknowledge a batch; pause where little arrives.

        A source that sends as much again at once has more, or waits for us.
        """
        began = time.monotonic()
        for part in self.batches.process(batch.messages, self.hub.now()):
            self._stale.update(part.changes.stale)
            if self.tail.watched:
                registry = self.hub.session.registry
                self.tail.show(registry, part.parsed, part.columns)
        self.source.acknowledge(batch)
        time.sleep(FREE_S)
        if 2 * self.source.pending < len(batch.messages):
            time.sleep(max(0.0, began + WAIT_S - time.monotonic()))

    def hearing(self) -> bool:
        """Whether a device that sends now would be heard at once."""
        return self.source.drained and not self.disk.full()

    def clear_stale_states(self) -> None:
        """Clear retained states that no open alert stands for."""
        for topic in sorted(self._stale):
            fires = self.hub.session.lifecycle.fires_topic(topic)
            if fires or self.clear_state(topic):
                self._stale.discard(topic)
