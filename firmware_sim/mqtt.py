"""MQTT publisher of the demo's town: uplinks at QoS 1, in simulated time."""

import secrets
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.clock import SimClock
from firmware_sim.demotown import fleet
from firmware_sim.demotown.devices import DemoUplink, status
from firmware_sim.demotown.fleet import DemoAsset

OFFLINE = b'{"state":"offline"}'
MAX_PENDING = 5_000  # messages sent and not yet acknowledged by the broker
STEP_S = 0.2  # longest time until a stop is noticed


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Address and login of a broker."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None


def connect(address: BrokerAddress, role: str) -> Client:
    """Return a connecting paho client; its network loop is not yet started.

    Raises OSError if the broker cannot be reached now; later the client reconnects.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"firmware-sim-{role}-{secrets.token_hex(4)}",
        protocol=MQTTv311,
    )
    client.max_inflight_messages_set(1_000)
    client.reconnect_delay_set(1, 10)
    if address.username:
        client.username_pw_set(address.username, address.password)
    client.connect(address.host, address.port)
    return client


class Publisher:
    """Publishes messages and counts those that the broker acknowledged.

    `distinct`: acknowledged uplinks without duplicates of the link. Call `send` and
    `count_acknowledged` from one thread; any thread may read the counters.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self.distinct = 0
        self.copies = 0
        self._unacknowledged: dict[int, DemoUplink | None] = {}
        self._acknowledged: deque[int] = deque()
        self._client = connect(address, "devices")
        self._client.on_publish = self._on_publish
        self._client.loop_start()

    @property
    def pending(self) -> int:
        """Number of messages sent and not yet acknowledged."""
        return len(self._unacknowledged)

    def send(self, uplink: DemoUplink) -> None:
        """Publish one uplink at QoS 1."""
        info = self._client.publish(uplink.topic, uplink.payload, qos=1)
        self._unacknowledged[info.mid] = uplink
        self.count_acknowledged()

    def retain(self, topic: str, payload: bytes) -> None:
        """Publish a retained message at QoS 1."""
        info = self._client.publish(topic, payload, qos=1, retain=True)
        self._unacknowledged[info.mid] = None

    def count_acknowledged(self) -> None:
        """Count the messages acknowledged since the last call."""
        while self._acknowledged:
            uplink = self._unacknowledged.pop(self._acknowledged.popleft(), None)
            if uplink is None:
                continue
            if uplink.copy:
                self.copies += 1
            else:
                self.distinct += 1

    def drain(self, stop: threading.Event, most: int = 0, tries: int = 50) -> bool:
        """Wait until at most `most` messages are pending; False after all tries."""
        for _ in range(tries):
            self.count_acknowledged()
            if self.pending <= most:
                return True
            stop.wait(STEP_S)
        return False

    def close(self) -> None:
        """Disconnect and end the network thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, _client: Client, _data: Any, mid: int, *_rest: Any) -> None:
        self._acknowledged.append(mid)


def publish_births(publisher: Publisher, assets: Iterable[DemoAsset]) -> None:
    """Publish the retained birth message of every native device."""
    for asset in assets:
        for mounting in asset.mountings:
            if mounting.profile == fleet.NATIVE:
                publisher.retain(*status(asset, mounting))


def publish_offline(publisher: Publisher, assets: Iterable[DemoAsset]) -> None:
    """Publish the retained offline message of every native device, as a last will."""
    for asset in assets:
        for mounting in asset.mountings:
            if mounting.profile == fleet.NATIVE:
                publisher.retain(status(asset, mounting)[0], OFFLINE)


def publish_in_time(
    stream: Iterable[DemoUplink],
    clock: SimClock,
    publisher: Publisher,
    stop: threading.Event,
    until: int | None = None,
) -> None:
    """Publish each uplink at its simulated time, until `until` (epoch ms) or `stop`."""
    for uplink in stream:
        if until is not None and uplink.at > until:
            break
        while (wait := clock.real_s(uplink.at)) > 0 or publisher.pending > MAX_PENDING:
            publisher.count_acknowledged()
            if stop.wait(min(max(wait, 0.01), STEP_S)):
                return
        if stop.is_set():
            return
        publisher.send(uplink)
