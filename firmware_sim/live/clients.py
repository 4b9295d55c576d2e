"""Many MQTT clients in one process: an epoll loop over paho's read, write and misc.

paho's own loops use select, which ends at file descriptor 1,024. A client has one open
file; if the process may not open enough, the error says which limit to raise.
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
MISC_S = 1.0  # interval of keep-alive and reconnect checks
RECONNECT_S = 2.0  # delay before a lost connection is tried again
INFLIGHT = 1_000


class ClientIdentity(NamedTuple):
    """A client: its id, its birth and last will, its command topics."""

    name: str
    status_topic: str  # of birth and last will; empty: none
    birth: bytes
    command_topics: tuple[str, ...] = ()


class TooManyClientsError(Exception):
    """The process may not open enough files; the text says which limit to raise."""


def allow_files(clients: int) -> None:
    """Raise this process's limit of open files. Raises TooManyClientsError."""
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
    """Clients by key, for use by one thread. `sent`, `acknowledged`: message counts."""

    def __init__(self, address: BrokerAddress) -> None:
        self.sent = 0
        self.acknowledged = 0  # by the broker
        self._address = address
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._identities: dict[int, ClientIdentity] = {}
        self._by_file: dict[int, Client] = {}
        self._misc_at = 0.0
        self._reconnect_at: dict[Client, float] = {}
        self._received: list[tuple[str, bytes]] = []

    @property
    def pending(self) -> int:
        """Messages not yet acknowledged."""
        return self.sent - self.acknowledged

    @property
    def connected(self) -> int:
        """Number of clients that the broker has accepted."""
        return sum(client.is_connected() for client in self._clients.values())

    def __contains__(self, key: int) -> bool:
        return key in self._clients

    def add(self, key: int, identity: ClientIdentity) -> None:
        """Connect one more client. Raises OSError without a broker."""
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=identity.name, protocol=MQTTv311
        )
        client.max_inflight_messages_set(INFLIGHT)
        if identity.status_topic:
            client.will_set(identity.status_topic, OFFLINE, qos=1, retain=True)
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        client.on_socket_register_write = self._watch(BOTH)
        client.on_socket_unregister_write = self._watch(IN)
        client.on_publish = self._on_acknowledged
        client.on_connect = lambda *_: self._on_connect(key)
        client.on_message = self._on_message
        self._clients[key], self._identities[key] = client, identity
        client.connect(self._address.host, self._address.port)

    def received(self) -> list[tuple[str, bytes]]:
        """Return and clear the messages on the command topics of the clients."""
        found, self._received = self._received, []
        return found

    def socket_of(self, key: int) -> Any:
        """Return the socket of a client, for tests that cut it; None without one."""
        return self._clients[key].socket()

    def wait_until_connected(self, wait_s: float) -> None:
        """Wait for all clients. Raises OSError if one is not accepted in `wait_s`."""
        end = time.monotonic() + wait_s
        while (missing := len(self._clients) - self.connected) > 0:
            if time.monotonic() > end:
                raise OSError(f"{missing} clients were not accepted")
            self.turn(0.05)

    def publish(
        self, key: int, topic: str, payload: bytes, *, retain: bool = False
    ) -> None:
        """Queue one message at QoS 1; `turn` sends it."""
        self.sent += 1
        self._clients[key].publish(topic, payload, qos=1, retain=retain)

    def turn(self, wait_s: float) -> None:
        """Wait up to `wait_s` for the network and handle its events."""
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
            self._maintain(now)

    def drain(self, wait_s: float) -> bool:
        """Run until all messages are acknowledged; False after `wait_s`."""
        end = time.monotonic() + wait_s
        while self.pending and time.monotonic() < end:
            self.turn(0.05)
        return not self.pending

    def close(self) -> None:
        """Publish the offline status of the devices, and disconnect."""
        for key, identity in self._identities.items():
            if identity.status_topic:
                self.publish(key, identity.status_topic, OFFLINE, retain=True)
        self.drain(10)
        for client in self._clients.values():
            client.disconnect()
            client.loop_write()
        self._clients = {}
        self._epoll.close()

    def _on_connect(self, key: int) -> None:
        identity = self._identities[key]
        for topic in identity.command_topics:
            self._clients[key].subscribe(topic, qos=1)
        if identity.status_topic:
            self.publish(key, identity.status_topic, identity.birth, retain=True)

    def _maintain(self, now: float) -> None:
        """Send keep-alives and reconnect lost clients."""
        for client in self._clients.values():
            if client.socket() is not None:
                client.loop_misc()
            elif self._reconnect_at.setdefault(client, now + RECONNECT_S) <= now:
                del self._reconnect_at[client]
                try:
                    client.reconnect()
                except OSError:  # the broker is still away
                    self._reconnect_at[client] = now + RECONNECT_S

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

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if not message.retain:
            self._received.append((message.topic, bytes(message.payload)))

    def _on_acknowledged(self, *_what: Any) -> None:
        self.acknowledged += 1
