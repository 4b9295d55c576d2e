"""The MQTT listener: receives and acknowledges uplinks, sends our publications.

One network thread makes a connection, serves it until it is lost, waits and makes
the next. Each connection has a client of its own. The thread reads only while the
inbox has room; the pipeline's thread takes batches and says when they are safe.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from paho.mqtt.enums import MQTTErrorCode

from sensorhub.config.settings import MqttSettings
from sensorhub.errors import TakenOver
from sensorhub.listeners.backoff import Backoff
from sensorhub.listeners.broker_session import BrokerSession
from sensorhub.listeners.bulk import fits_paho
from sensorhub.listeners.connect import (
    OFFLINE,
    STATUS_TOPIC,
    Client,
    make_client,
)
from sensorhub.listeners.inbox import Inbox
from sensorhub.listeners.link import Hooks, Publication
from sensorhub.listeners.network import Network
from sensorhub.listeners.outgoing import Outgoing
from sensorhub.listeners.takeover import InstanceWatch
from sensorhub.model import DUP, Batch, Message

QUIET_S = 0.2  # nothing received for so long: nothing waits at the broker
GATHER_S = 0.01  # after a small read, so that the next one brings more: waking costs
TURN_S = 1.0  # longest wait of the network thread
GOODBYE_S = 2.0  # for the DISCONNECT packet to leave

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TopicFilters:
    """Topic filters besides those of the settings.

    `extra` are subscribed to as well. `known` are those that the broker may still hold
    for our session; `remember` is called with all that it may hold from now on.
    """

    extra: Sequence[str] = ()
    known: Sequence[str] = ()
    remember: Callable[[Sequence[str]], None] = lambda _filters: None


class MqttListener:
    """A `model.UplinkSource` on one MQTT broker, that publishes there, too.

    `taken_over` is set when a younger hub uses our client id: time to end.
    """

    def __init__(
        self,
        settings: MqttSettings,
        instance: str,
        *,
        version: str = "",
        filters: TopicFilters | None = None,
        backoff: Backoff | None = None,
        bulk: bool | None = None,
    ) -> None:
        filters = filters or TopicFilters()
        self._settings = settings
        self._backoff = backoff or Backoff()
        self._bulk = fits_paho() if bulk is None else bulk
        self._watch = InstanceWatch(settings.client_id, instance)
        self.taken_over = self._watch.taken_over
        self._network = Network()
        self._inbox = Inbox(
            settings.queue_messages, settings.queue_bytes, self._network.wake
        )
        self._outgoing = Outgoing()
        online = {"state": "online", "instance": instance, "version": version}
        self._birth = json.dumps(online).encode()
        topics = [topic.filter for topic in settings.topics]
        wanted = dict.fromkeys([*topics, *filters.extra, self._watch.topic])
        self._session = BrokerSession(
            tuple(wanted), filters.known, filters.remember, self._ready
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._instance_published = False
        self._echo_at: int | None = None
        self._quiet = False

    def start(self) -> None:
        """Connect, and stay connected, on a thread of its own."""
        if not self._bulk:
            log.warning("mqtt_slow_path", reason="paho-mqtt has changed inside")
        self._thread.start()

    def stop(self, flush_s: float = 5.0) -> None:
        """Send what is accepted, say goodbye; the session stays at the broker."""
        if not self._thread.is_alive():
            self._network.close()
            return
        if not self.taken_over.is_set():
            self.publish(STATUS_TOPIC, OFFLINE, retain=True)
            self._outgoing.wait_idle(flush_s)
        self._stopping.set()
        self._network.wake()
        self._thread.join(GOODBYE_S + 10.0)

    def take_batch(self, limit: int, wait_s: float) -> Batch | None:
        """Take up to `limit` waiting messages; None after `wait_s` without any."""
        return self._inbox.take_batch(limit, wait_s)

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge a batch that is on disk. Called in the order taken."""
        self._inbox.acknowledge(batch)

    def check(self) -> None:
        """Raise TakenOver where a younger hub uses our client id."""
        if self.taken_over.is_set():
            raise TakenOver("a younger hub uses this client id; this one ends")

    @property
    def pending(self) -> int:
        """How many messages came and are not yet done."""
        return self._inbox.pending

    def connected(self) -> bool:
        """Whether we are connected and subscribed."""
        return self._session.up

    @property
    def drained(self) -> bool:
        """Whether what waited for us at the broker at the last connect is done.

        Our own retained instance id comes again after each subscribe, behind the
        backlog: once all before it is on disk, the backlog is. The same is told
        by a broker that sends nothing for QUIET_S while nothing is pending here.
        """
        if not self._session.up:
            return False
        echo_at = self._echo_at
        return self._quiet or (echo_at is not None and self._inbox.settled >= echo_at)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        on_done: Callable[[], None] = lambda: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> bool:
        """Publish at QoS 1; False: not connected or queue full, try again later.

        Once accepted, either `on_done` (the broker has it) or `on_lost` (unknown:
        send it again) is called, on the network thread; both must be quick.
        """
        item = Publication(topic, payload, retain, on_done, on_lost)
        return self.publish_many([item]) == 1

    def publish_many(self, items: Sequence[Publication]) -> int:
        """Accept as many of the first `items` as fit now; returns how many."""
        return self._outgoing.offer(items)

    def _run(self) -> None:
        hooks = Hooks(self._deliver, self._outgoing.confirmed, self._network.wake)
        try:
            while not self._ending():
                began = time.monotonic()
                try:
                    self._live(make_client(self._settings, hooks, bulk=self._bulk))
                except OSError as error:
                    self._session.log_trouble("broker_unreachable", str(error))
                except Exception:  # whatever it was: the next connection is new
                    log.exception("network_thread_fault")
                self._wait_for_next(began)
        finally:
            self._network.close()

    def _ending(self) -> bool:
        return self._stopping.is_set() or self.taken_over.is_set()

    def _wait_for_next(self, began: float) -> None:
        pause = self._backoff.after(time.monotonic() - began)
        while not self._ending() and (pause > 0 or not self._inbox.has_room()):
            self._stopping.wait(min(pause, TURN_S) if pause > 0 else 0.1)
            pause -= TURN_S

    def _live(self, client: Client) -> None:
        """One connection, from connect to loss."""
        self._quiet, self._echo_at = False, None
        self._session.begin(client)
        try:
            client.reconnect()
            self._serve(client)
        finally:
            self._session.end()
            if (connection := client.socket()) is not None:
                connection.close()
            self._outgoing.detach()

    def _serve(self, client: Client) -> None:
        last_read = full_since = time.monotonic()
        while client.socket() is not None and not self._ending():
            now = time.monotonic()
            received, room = self._inbox.received, self._inbox.has_room()
            if room:
                full_since = now
            elif now - full_since > self._settings.keepalive_s:
                log.warning("inbox_full", action="disconnect, come back when room")
                return
            wait_s = TURN_S if self._quiet else QUIET_S / 2
            outcome = self._network.turn(client, reading=room, wait_s=wait_s)
            if outcome:
                if outcome != MQTTErrorCode.MQTT_ERR_CONN_REFUSED:  # said already
                    self._session.log_trouble("connection_lost", outcome.name)
                return
            if self._inbox.received != received:
                last_read = now
                if client.small_read and self.drained:
                    time.sleep(GATHER_S)
            elif now - last_read > QUIET_S and self._inbox.empty():
                self._quiet = self._session.up
        self._say_goodbye(client)

    def _say_goodbye(self, client: Client) -> None:
        if not client.is_connected():
            return
        client.disconnect()
        end = time.monotonic() + GOODBYE_S
        while client.socket() is not None and time.monotonic() < end:
            if self._network.turn(client, reading=False, wait_s=0.1):
                return

    def _ready(self, client: Client, window: int) -> None:
        """Publish our birth message after each subscribe, and once our instance id."""
        self._outgoing.attach(client, window)
        self.publish(STATUS_TOPIC, self._birth, retain=True)
        if not self._instance_published:
            self.publish(
                self._watch.topic,
                self._watch.own,
                retain=True,
                on_done=self._mark_instance_published,
            )

    def _mark_instance_published(self) -> None:
        self._instance_published = True

    def _deliver(
        self, client: Client, messages: list[Message], acks: list[bytes], size: int
    ) -> None:
        topic = self._watch.topic_bytes
        notes = [at for at, message in enumerate(messages) if message[0] == topic]
        start = 0
        for at in notes:
            self._inbox.put(client, messages[start:at], acks[start:at], 0)
            self._inbox.put(client, [], [acks[at]], 0)
            self._note_instance(messages[at])
            start = at + 1
        if start:
            messages, acks = messages[start:], acks[start:]
        if messages:
            self._inbox.put(client, messages, acks, size)

    def _note_instance(self, message: Message) -> None:
        instance = message.payload
        self._watch.note_instance(instance)
        if instance == self._watch.own and not message.flags & DUP:
            self._echo_at = self._inbox.received
        if self.taken_over.is_set():
            log.error("taken_over", by=instance.decode(errors="replace"))
