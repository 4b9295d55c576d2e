"""Publish outbox rows over MQTT: many a second, few microseconds each.

Rows come from memory as the pipeline commits them. When more wait than memory
may hold, it falls behind on purpose and reads on in the database, at the
number where it stopped, until it has caught up.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from sensorhub.notify import mqtt
from sensorhub.notify.mqtt import EventPublication, OutgoingMessage, Publish
from sensorhub.notify.result_writer import ResultWriter
from sensorhub.store import Connection
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import MQTT, DeliveryResult, OutboxRow

log = structlog.get_logger()


# called with the id of a downlink that the broker has, in the hub's transaction
DownlinkSent = Callable[[Connection, str], None]

HELD = 4_096  # most rows in memory
WINDOW = 1_000  # most rows published and not acknowledged
POLL_S = 0.02  # how often acknowledgements are collected
AWAY_S = 0.5  # how often to try while nothing is taken


class _InFlight:
    """A row under way, and how many of its messages the broker lacks."""

    __slots__ = ("left", "publication")

    def __init__(self, publication: EventPublication) -> None:
        self.publication = publication
        self.left = len(publication.messages)


class MqttDelivery:
    """Publish rows. `offer` is for the hub's thread, `step` for the relay's."""

    def __init__(
        self,
        publish: Publish,
        reader: Callable[[], Connection],
        result_writer: ResultWriter,
        downlink_sent: DownlinkSent,
    ) -> None:
        self._downlink_sent = downlink_sent
        self._publish = publish
        self._reader = reader
        self._result_writer = result_writer
        self._lock = threading.Lock()  # guards the next five
        self._waiting: deque[OutboxRow] = deque()
        self._held = 0
        self._seen = 0
        self._behind = True  # at start the database knows more than we do
        self._more = False
        self._acked: deque[_InFlight] = deque()
        self._lost: deque[tuple[_InFlight, int]] = deque()
        self._posts: deque[OutgoingMessage] = deque()  # to be published, in this order
        self._in_flight = 0
        self._places: dict[str, deque[EventPublication]] = {}  # followers at a topic

    def offer(self, rows: Sequence[OutboxRow]) -> None:
        """Take as many committed rows as memory may hold."""
        with self._lock:
            for row in rows:
                if self._behind or self._held >= HELD:
                    self._behind = self._more = True
                    return
                if row.no > self._seen:
                    self._hold(row)

    def _hold(self, row: OutboxRow) -> None:
        self._waiting.append(row)
        self._held += 1
        self._seen = row.no

    def step(self, now: float) -> float:
        """Collect acknowledgements and publish; return when to come back."""
        self.collect()
        self._catch_up()
        self._send()
        blocked = self._flush()
        if not (self._held or self._behind):
            return math.inf
        return now + (AWAY_S if blocked else POLL_S)

    def collect(self) -> None:
        """Finish rows that the broker has; publish lost ones again, and first."""
        again = []
        while self._lost:
            again.append(self._post(*self._lost.popleft()))
        self._posts.extendleft(reversed(again))
        done = 0
        while self._acked:
            flight = self._acked.popleft()
            flight.left -= 1
            if flight.left == 0:
                self._in_flight -= 1
                self._result_writer.delete_row(flight.publication.no)
                if id_ := flight.publication.downlink:
                    self._result_writer.add_write(partial(self._report_sent, id_))
                self._next_of(flight.publication.place)
                done += 1
        if done:
            with self._lock:
                self._held -= done

    def _report_sent(self, id_: str, connection: Connection) -> None:
        self._downlink_sent(connection, id_)

    def _next_of(self, place: str) -> None:
        """Publish the next row that waited for its predecessor at the same topic."""
        queue = self._places[place]
        if queue:
            self._fly(queue.popleft())
        else:
            del self._places[place]

    def _fly(self, publication: EventPublication) -> None:
        self._in_flight += 1
        flight = _InFlight(publication)
        for number in range(flight.left):
            self._posts.append(self._post(flight, number))

    def _post(self, flight: _InFlight, number: int) -> OutgoingMessage:
        return OutgoingMessage(
            *flight.publication.messages[number],
            partial(self._acked.append, flight),
            partial(self._lost.append, (flight, number)),
        )

    def _catch_up(self) -> None:
        with self._lock:
            room = HELD - self._held
            if not self._behind or room < HELD // 2:
                return
            self._more, seen = False, self._seen
        rows = outbox.pending_after(self._reader(), MQTT, seen, room)
        with self._lock:
            for row in rows:
                self._hold(row)
            self._behind = self._more or len(rows) == room

    def _send(self) -> None:
        while self._waiting and self._in_flight < WINDOW:
            row = self._waiting.popleft()
            try:
                publication = mqtt.publication(row)
            except ValueError as error:
                self._refuse(row, str(error))
                continue
            queue = self._places.get(publication.place)
            if queue is None:
                self._places[publication.place] = deque()
                self._fly(publication)
            else:
                queue.append(publication)

    def _refuse(self, row: OutboxRow, error: str) -> None:
        log.error("notification_failed", id=row.id, error=error)
        self._result_writer.add_result(DeliveryResult(row, "failed", 1, 0.0, error))
        with self._lock:
            self._held -= 1

    def _flush(self) -> bool:
        """Publish what is ready; return whether the client took nothing of it."""
        if not self._posts:
            return False
        taken = self._publish(list(self._posts))
        for _ in range(taken):
            self._posts.popleft()
        return taken == 0
