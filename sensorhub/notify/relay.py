"""The relay: sends what stands in the outbox, whatever happens on the way.

One thread drives all deliveries: those over MQTT, and a queue for each other
subscription. Results are written by the hub's thread, through the writes handed
to `submit`; a write must run in a transaction that commits, and again where that
was rolled back. A row without a result when the process dies is sent again under
the same id.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from sensorhub.notify.delivery_queue import Deliver, DeliveryContext, DeliveryQueue
from sensorhub.notify.mqtt import Publish
from sensorhub.notify.mqtt_delivery import DownlinkSent, MqttDelivery
from sensorhub.notify.result_writer import ResultWriter
from sensorhub.notify.workers import WorkerPool
from sensorhub.store import Connection
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import MQTT, OutboxRow
from sensorhub.store.jobs import WriteJob

log = structlog.get_logger()

LONGEST_WAIT_S = 5.0
AFTER_FAULT_S = 1.0


@dataclass(frozen=True, slots=True)
class Transports:
    """What carries notifications: MQTT by `publish`, webhooks by `deliver`."""

    publish: Publish
    deliver: Deliver
    pool: WorkerPool  # runs `deliver`


@dataclass(frozen=True, slots=True)
class HubCallbacks:
    """What the relay tells the hub, in the hub's thread and transaction."""

    count: Callable[[str, int], None] = lambda _name, _by: None
    subscriptions_changed: Callable[[], None] = lambda: None
    downlink_sent: DownlinkSent = lambda _connection, _id: None


class Relay:
    """Send committed rows of the outbox; `offer` announces them.

    `real_now` gives epoch seconds; `chance` numbers from 0 to 1, for the jitter.
    """

    def __init__(
        self,
        open_reader: Callable[[], Connection],
        submit: Callable[[WriteJob], None],
        *,
        transports: Transports,
        real_now: Callable[[], float],
        callbacks: HubCallbacks = HubCallbacks(),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._open_reader = open_reader
        self._connection: Connection | None = None
        self._real_now = real_now
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._result_writer = ResultWriter(submit)
        self._context = DeliveryContext(
            reader=self._reader,
            result_writer=self._result_writer,
            pool=transports.pool,
            deliver=transports.deliver,
            real_now=real_now,
            chance=chance,
            wake=self._wake.set,
            count=callbacks.count,
            subscriptions_changed=callbacks.subscriptions_changed,
        )
        self._mqtt = MqttDelivery(
            transports.publish,
            self._reader,
            self._result_writer,
            callbacks.downlink_sent,
        )
        self._queues: dict[str, DeliveryQueue] = {}
        self._offered: set[str] | None = None  # None: look into the database
        self._lock = threading.Lock()  # guards _offered
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin sending, with the rows that earlier runs left."""
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
            self._mqtt.offer(stream)
        if len(stream) < len(rows):
            with self._lock:
                if self._offered is not None:
                    self._offered.update(
                        row.subscription for row in rows if row.subscription != MQTT
                    )
        self._wake.set()

    def step(self) -> float:
        """Do what can be done now; return the seconds until the next step."""
        now = self._real_now()
        for name in self._take_offered():
            if name not in self._queues:
                self._queues[name] = DeliveryQueue(name, self._context)
            self._queues[name].offered()
        again_at = self._mqtt.step(now)
        for name, queue in list(self._queues.items()):
            again_at = min(again_at, queue.step(now))
            # to the end of the line, so that each is first once
            self._queues[name] = self._queues.pop(name)
        self._result_writer.flush()
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
        self._mqtt.collect()
        self._result_writer.flush(at_once=True)
        self._close()

    def _recover(self) -> None:
        """Read everything again, over a new connection."""
        self._close()
        for queue in self._queues.values():
            queue.offered()

    def _reader(self) -> Connection:
        if self._connection is None:
            self._connection = self._open_reader()
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
