"""The edge to a broker: uplinks out at QoS 1, in simulated time."""

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
PENDING = 5_000  # most messages sent and not yet acknowledged by the broker
STEP_S = 0.2  # a stop is seen after at most so long


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and who we are there."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None


def connect(address: BrokerAddress, role: str) -> Client:
    """A connecting paho client with its network thread running.

    Raises OSError where the broker cannot be reached now; later it comes back alone.
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
    """Sends messages and counts which of them the broker has taken.

    `distinct`: uplinks taken, without the copies that the link made of them.
    `send` and `settle` belong to one thread; the figures may be read by any.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self.distinct = 0
        self.copies = 0
        self._open: dict[int, DemoUplink | None] = {}
        self._taken: deque[int] = deque()
        self._client = connect(address, "devices")
        self._client.on_publish = self._on_publish
        self._client.loop_start()

    @property
    def pending(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._open)

    def send(self, uplink: DemoUplink) -> None:
        """Publish one uplink at QoS 1."""
        info = self._client.publish(uplink.topic, uplink.payload, qos=1)
        self._open[info.mid] = uplink
        self.settle()

    def retain(self, topic: str, payload: bytes) -> None:
        """Publish a retained message at QoS 1."""
        info = self._client.publish(topic, payload, qos=1, retain=True)
        self._open[info.mid] = None

    def settle(self) -> None:
        """Count what the broker acknowledged since the last call."""
        while self._taken:
            uplink = self._open.pop(self._taken.popleft(), None)
            if uplink is None:
                continue
            if uplink.copy:
                self.copies += 1
            else:
                self.distinct += 1

    def drain(self, stop: threading.Event, most: int = 0, tries: int = 50) -> bool:
        """Wait until at most `most` messages are open; False after all tries."""
        for _ in range(tries):
            self.settle()
            if self.pending <= most:
                return True
            stop.wait(STEP_S)
        return False

    def close(self) -> None:
        """Disconnect and end the network thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, _client: Client, _data: Any, mid: int, *_rest: Any) -> None:
        self._taken.append(mid)


def publish_births(publisher: Publisher, assets: Iterable[DemoAsset]) -> None:
    """Retained birth message of every native device."""
    for asset in assets:
        for mounting in asset.mountings:
            if mounting.profile == fleet.NATIVE:
                publisher.retain(*status(asset, mounting))


def publish_offline(publisher: Publisher, assets: Iterable[DemoAsset]) -> None:
    """Retained offline message of every native device, as its last will would be."""
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
    """Publish each uplink when its time has come; ends at `until` or at `stop`."""
    for uplink in stream:
        if until is not None and uplink.at > until:
            break
        while (wait := clock.real_s(uplink.at)) > 0 or publisher.pending > PENDING:
            publisher.settle()
            if stop.wait(min(max(wait, 0.01), STEP_S)):
                return
        if stop.is_set():
            return
        publisher.send(uplink)
