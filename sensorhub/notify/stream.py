"""The lane of MQTT: many rows a second, few microseconds each.

Rows come from memory as the pipeline commits them. When more wait than memory
may hold, the lane falls behind on purpose and reads on in the database, at the
number where it stopped, until it has caught up.
"""

import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from sensorhub.notify import mqtt
from sensorhub.notify.mqtt import Publication, Publish
from sensorhub.notify.settling import Settling
from sensorhub.store import outbox
from sensorhub.store.outbox import MQTT, OutboxRow, Result

log = structlog.get_logger()

HELD = 4_096  # most rows in memory
WINDOW = 1_000  # most rows published and not acknowledged
REPEAT_S = 20.0  # connected so long without acknowledgement: publish again
POLL_S = 0.02  # how often acknowledgements are collected
AWAY_S = 0.5  # how often to look whether the broker is back


class _Flight:
    """A published row: how many acknowledgements are missing, since when."""

    __slots__ = ("left", "publication", "since")

    def __init__(self, publication: Publication, since: float) -> None:
        self.publication = publication
        self.since = since
        self.left = 2


class StreamLane:
    """Rows to MQTT. `offer` is for the pipeline's thread, `step` the relay's."""

    def __init__(
        self,
        publish: Publish,
        connected: Callable[[], bool],
        reader: Callable[[], sqlite3.Connection],
        settling: Settling,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._connected = connected
        self._reader = reader
        self._settling = settling
        self._monotonic = monotonic
        self._lock = threading.Lock()  # guards the next five
        self._waiting: deque[OutboxRow] = deque()
        self._held = 0
        self._seen = 0
        self._behind = True  # at start the database knows more than we do
        self._more = False
        self._acked: deque[_Flight] = deque()
        self._flights: dict[int, _Flight] = {}
        self._refused: deque[_Flight] = deque()  # not taken by the connection
        self._places: dict[str, deque[Publication]] = {}
        self._connected_since = -math.inf
        self._away = True

    def offer(self, rows: Sequence[OutboxRow]) -> None:
        """Take committed rows, as many as there is room for."""
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
        """Collect acknowledgements and publish; answers when to come back."""
        self._collect()
        self._catch_up()
        online = self._online()
        if online:
            self._repeat()
            self._send()
        if not (self._held or self._behind):
            return math.inf
        return now + (POLL_S if online and not self._refused else AWAY_S)

    def _online(self) -> bool:
        online = self._connected()
        if online and self._away:
            self._connected_since = self._monotonic()
        self._away = not online
        return online

    def _collect(self) -> None:
        done = 0
        while self._acked:
            flight = self._acked.popleft()
            flight.left -= 1
            no = flight.publication.no
            if flight.left == 0 and self._flights.pop(no, None) is not None:
                self._settling.forget(no)
                self._next_of(flight.publication.place)
                done += 1
        if done:
            with self._lock:
                self._held -= done

    def _next_of(self, place: str) -> None:
        """What waited for its predecessor at the same topic goes next."""
        queue = self._places[place]
        if queue:
            self._fly(queue.popleft())
        else:
            del self._places[place]

    def _fly(self, publication: Publication) -> None:
        flight = _Flight(publication, self._monotonic())
        self._flights[publication.no] = flight
        if self._refused:
            self._refused.append(flight)
        else:
            self._launch(flight)

    def _launch(self, flight: _Flight) -> None:
        on_done = partial(self._acked.append, flight)
        try:
            mqtt.send(self._publish, flight.publication, on_done)
        except Exception as error:
            log.warning("mqtt_publish_failed", error=repr(error))
            self._refused.appendleft(flight)

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

    def _repeat(self) -> None:
        """Publish again what was refused or went down with a connection."""
        for _ in range(len(self._refused)):
            before = len(self._refused)
            flight = self._refused.popleft()
            flight.left, flight.since = 2, self._monotonic()
            self._launch(flight)
            if len(self._refused) == before:
                return
        limit = self._monotonic() - REPEAT_S
        if self._connected_since > limit:
            return
        for flight in list(self._flights.values()):
            if flight.since > limit:
                return
            del self._flights[flight.publication.no]
            self._fly(flight.publication)

    def _send(self) -> None:
        while self._waiting and len(self._flights) < WINDOW and not self._refused:
            row = self._waiting[0]
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
            self._waiting.popleft()

    def _refuse(self, row: OutboxRow, error: str) -> None:
        log.error("notification_failed", id=row.id, error=error)
        self._settling.settle(Result(row, "failed", 1, 0.0, error))
        with self._lock:
            self._waiting.popleft()
            self._held -= 1
