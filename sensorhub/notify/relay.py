"""The relay: sends what stands in the outbox, whatever happens on the way.

One thread looks after the lanes, one lane for MQTT and one for each
subscription. What became of a row is written by the pipeline's thread, through
the jobs handed to `submit`; a job must run in a transaction that commits, and
again where it was rolled back. Whatever is not settled when the process dies is
sent again under the same id.
"""

import random
import threading
from collections.abc import Callable, Sequence

import structlog

from sensorhub.notify.delivery_queue import Deliver, DeliveryLane, Desk
from sensorhub.notify.mqtt import Publish
from sensorhub.notify.mqtt_delivery import DownlinkSent, StreamLane
from sensorhub.notify.result_writer import Job, Settling
from sensorhub.notify.workers import Pool
from sensorhub.store import Connection
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import MQTT, OutboxRow

log = structlog.get_logger()

LONGEST_WAIT_S = 5.0
AFTER_FAULT_S = 1.0


class Relay:
    """Give it committed rows with `offer`; it does the rest from `start` on."""

    def __init__(
        self,
        open_reader: Callable[[], Connection],
        submit: Callable[[Job], None],
        *,
        publish: Publish,
        deliver: Deliver,
        pool: Pool,
        real_now: Callable[[], float],
        count: Callable[[str, int], None] = lambda name, by: None,
        subscriptions_changed: Callable[[], None] = lambda: None,
        chance: Callable[[], float] = random.random,
        downlink_sent: DownlinkSent = lambda connection, id_: None,
    ) -> None:
        self._open_reader = open_reader
        self._connection: Connection | None = None
        self._real_now = real_now
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._settling = Settling(submit)
        self._desk = Desk(
            reader=self._reader,
            settling=self._settling,
            pool=pool,
            deliver=deliver,
            real_now=real_now,
            chance=chance,
            wake=self._wake.set,
            count=count,
            subscriptions_changed=subscriptions_changed,
        )
        self._stream = StreamLane(publish, self._reader, self._settling, downlink_sent)
        self._lanes: dict[str, DeliveryLane] = {}
        self._offered: set[str] | None = None  # None: look into the database
        self._lock = threading.Lock()  # guards _offered
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin sending, with what earlier runs left behind."""
        self._thread.start()

    def stop(self, wait_s: float = 2.0) -> None:
        """Stop sending; results known by now are still handed to `submit`.

        What is on its way is sent again at the next start.
        """
        self._ended.set()
        self._wake.set()
        self._thread.join(wait_s)

    def offer(self, rows: Sequence[OutboxRow]) -> None:
        """Committed rows as numbered by `outbox.insert`; in order of commits."""
        if not rows:
            return
        stream = [row for row in rows if row.subscription == MQTT]
        if stream:
            self._stream.offer(stream)
        if len(stream) < len(rows):
            with self._lock:
                if self._offered is not None:
                    self._offered.update(
                        row.subscription for row in rows if row.subscription != MQTT
                    )
        self._wake.set()

    def step(self) -> float:
        """One round over all lanes; answers the seconds until the next."""
        now = self._real_now()
        for name in self._take_offered():
            if name not in self._lanes:
                self._lanes[name] = DeliveryLane(name, self._desk)
            self._lanes[name].offered()
        again_at = self._stream.step(now)
        for name, lane in list(self._lanes.items()):
            again_at = min(again_at, lane.step(now))
            # to the end of the line, so that each is first once
            self._lanes[name] = self._lanes.pop(name)
        self._settling.flush()
        return max(0.0, min(again_at - now, LONGEST_WAIT_S))

    def _take_offered(self) -> set[str]:
        with self._lock:
            offered, self._offered = self._offered, set()
        if offered is not None:
            return offered
        try:
            return set(outbox.waiting_subscriptions(self._reader())) - {MQTT}
        except Exception:
            with self._lock:
                self._offered = None
            raise

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            try:
                wait_s = self.step()
            except Exception:
                log.exception("relay_fault")
                self._recover()
                wait_s = AFTER_FAULT_S
            self._wake.wait(wait_s)
        self._stream.collect()
        self._settling.flush(at_once=True)
        self._close()

    def _recover(self) -> None:
        """Look at everything anew, over a new connection."""
        self._close()
        for lane in self._lanes.values():
            lane.offered()

    def _reader(self) -> Connection:
        if self._connection is None:
            self._connection = self._open_reader()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
