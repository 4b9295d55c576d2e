"""Many MQTT clients in one process: an epoll loop over paho's read, write and misc.

paho's own loops select and end at file descriptor 1,024. A client has one open file;
where the limit forbids them all, the error says what to raise.
"""

import resource
import select
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.mqtt import OFFLINE, BrokerAddress

SPARE_FILES = 64
IN, BOTH = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT
MISC_S = 1.0  # how often keep-alive and lost connections are looked at
AGAIN_S = 2.0  # until a lost connection is tried again
INFLIGHT = 1_000


class ClientIdentity(NamedTuple):
    """A client: its id, and where it tells that it is there (or has gone)."""

    name: str
    status: str  # topic of birth and last will; empty: none
    birth: bytes
    listens: tuple[str, ...] = ()  # topics of commands


class TooManyClientsError(Exception):
    """The process may not open so many files; says what to raise."""


def allow_files(clients: int) -> None:
    """Raise this process's limit as far as is allowed. Raises TooManyClientsError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = clients + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < need:
        if hard != resource.RLIM_INFINITY and hard < need:
            raise TooManyClientsError(
                f"{clients} clients need {need} open files, but this process may have "
                f"{hard}: raise the hard limit (`ulimit -Hn {need}` as root, "
                f"LimitNOFILE={need} of a unit), the broker's too, or put the "
                "devices behind a network server with --servers"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))


class ClientPool:
    """Clients by key; belongs to one thread. `sent` and `taken` count messages."""

    def __init__(self, address: BrokerAddress) -> None:
        self.sent = 0
        self.taken = 0  # acknowledged by the broker
        self._address = address
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._identities: dict[int, ClientIdentity] = {}
        self._by_file: dict[int, Client] = {}
        self._misc_at = 0.0
        self._again: dict[Client, float] = {}
        self._heard: list[tuple[str, bytes]] = []

    @property
    def pending(self) -> int:
        """Messages not yet acknowledged."""
        return self.sent - self.taken

    @property
    def connected(self) -> int:
        """How many clients the broker has accepted."""
        return sum(client.is_connected() for client in self._clients.values())

    def add(self, key: int, identity: ClientIdentity) -> None:
        """Connect one more client; raises OSError where there is no broker."""
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=identity.name, protocol=MQTTv311
        )
        client.max_inflight_messages_set(INFLIGHT)
        if identity.status:
            client.will_set(identity.status, OFFLINE, qos=1, retain=True)
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        client.on_socket_register_write = self._watch(BOTH)
        client.on_socket_unregister_write = self._watch(IN)
        client.on_publish = self._acknowledged
        client.on_connect = lambda *_: self._born(key)
        client.on_message = self._hear
        self._clients[key], self._identities[key] = client, identity
        client.connect(self._address.host, self._address.port)

    def heard(self) -> list[tuple[str, bytes]]:
        """What was published to the topics that the clients listen to; once."""
        found, self._heard = self._heard, []
        return found

    def socket_of(self, key: int) -> Any:
        """The connection of a client, to be cut; None while it has none."""
        return self._clients[key].socket()

    def wait_until_connected(self, wait_s: float) -> None:
        """Raises OSError where the broker does not accept all of them in time."""
        end = time.monotonic() + wait_s
        while (missing := len(self._clients) - self.connected) > 0:
            if time.monotonic() > end:
                raise OSError(f"{missing} clients were not accepted")
            self.turn(0.05)

    def publish(
        self, key: int, topic: str, payload: bytes, *, retain: bool = False
    ) -> None:
        """Hand over one message at QoS 1; it leaves in `turn`."""
        self.sent += 1
        self._clients[key].publish(topic, payload, qos=1, retain=retain)

    def turn(self, wait_s: float) -> None:
        """Wait so long for the network at most, and do what it asks for."""
        for number, events in self._epoll.poll(wait_s, maxevents=4096):
            client = self._by_file.get(number)
            if client is None:
                continue
            if events & ~select.EPOLLOUT:
                client.loop_read()
            if events & select.EPOLLOUT and client.want_write():
                client.loop_write()
        if (now := time.monotonic()) >= self._misc_at:
            self._misc_at = now + MISC_S
            self._look_after(now)

    def drain(self, wait_s: float) -> bool:
        """Turn until all is acknowledged; False where that took too long."""
        end = time.monotonic() + wait_s
        while self.pending and time.monotonic() < end:
            self.turn(0.05)
        return not self.pending

    def close(self) -> None:
        """Say that the devices go, and disconnect."""
        for key, identity in self._identities.items():
            if identity.status:
                self.publish(key, identity.status, OFFLINE, retain=True)
        self.drain(10)
        for client in self._clients.values():
            client.disconnect()
            client.loop_write()
        self._clients = {}
        self._epoll.close()

    def _born(self, key: int) -> None:
        identity = self._identities[key]
        for topic in identity.listens:
            self._clients[key].subscribe(topic, qos=1)
        if identity.status:
            self.publish(key, identity.status, identity.birth, retain=True)

    def _look_after(self, now: float) -> None:
        """Keep connections alive; try lost ones again."""
        for client in self._clients.values():
            if client.socket() is not None:
                client.loop_misc()
            elif self._again.setdefault(client, now + AGAIN_S) <= now:
                del self._again[client]
                try:
                    client.reconnect()
                except OSError:  # the broker is still away
                    self._again[client] = now + AGAIN_S

    def _opened(self, client: Client, _data: Any, sock: Any) -> None:
        self._by_file[sock.fileno()] = client
        self._epoll.register(sock.fileno(), IN)

    def _closed(self, _client: Client, _data: Any, sock: Any) -> None:
        if self._by_file.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock.fileno())

    def _watch(self, events: int) -> Callable[[Client, Any, Any], None]:
        def watch(_client: Client, _data: Any, sock: Any) -> None:
            if sock.fileno() in self._by_file:
                self._epoll.modify(sock.fileno(), events)

        return watch

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if not message.retain:
            self._heard.append((message.topic, bytes(message.payload)))

    def _acknowledged(self, *_what: Any) -> None:
        self.taken += 1
