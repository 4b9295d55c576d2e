"""Uplinks under load: made, published at QoS 1, and what must come of them."""

import json
import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sensorhub.alerts.event import rfc3339
from tests.support.brokers import until

Packet = tuple[str, bytes]
STEP_MS = 60_000  # between two readings of a device


@dataclass
class Stream:
    """Makes uplinks; remembers every one and what has to be read back."""

    devices: int
    start: int
    chance: random.Random = field(default_factory=lambda: random.Random(3))
    sent: list[Packet] = field(default_factory=list)
    expected: dict[str, list[tuple[str, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    dead: int = 0
    _count: int = 0

    def sound(self) -> Packet:
        """The next device's next uplink: fill level, and a fire now and then."""
        number, turn = self._count % self.devices, self._count // self.devices
        self._count += 1
        at = self.start + turn * STEP_MS + number
        fill = float((7 * (turn // 8) + 3 * number) % 104)
        heat = 70.0 if (turn + number) % 100 < 2 else 20.0
        body = {"ts": at, "seq": turn, "m": {"fill_level": fill, "temperature": heat}}
        self.expected[f"bin{number}"].append((str(rfc3339(at)), fill))
        return f"sensorhub/v1/z1/d{number}/up", json.dumps(body).encode()

    def poison(self) -> Packet:
        """Something that nobody can read, never twice the same."""
        self.dead += 1
        text = b"no JSON %d" % self.dead
        topic = self.chance.choice(["z1/d0", "z1/nobody", "z1/d1"])
        return f"sensorhub/v1/{topic}/up", text

    def batch(self, size: int) -> list[Packet]:
        """Sound uplinks with some poison, and some that were sent before."""
        made: list[Packet] = []
        for _ in range(size):
            new = self.poison() if self.chance.random() < 0.01 else self.sound()
            self.sent.append(new)
            made.append(new)
            if self.chance.random() < 0.02:
                made.append(self.chance.choice(self.sent[-20:]))
        return made

    @property
    def distinct(self) -> int:
        """How many differ in topic or content."""
        return len(set(self.sent))


class Publisher(threading.Thread):
    """Publishes batches of a stream until told to stop; all of them get a PUBACK."""

    def __init__(self, port: int, stream: Stream, size: int = 250) -> None:
        super().__init__(daemon=True)
        self._stream, self._size = stream, size
        self._stopping = threading.Event()
        self.error: BaseException | None = None
        self._acknowledged: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.on_publish = lambda _c, _d, mid, *_: self._acknowledged.add(mid)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)

    def run(self) -> None:
        self._client.loop_start()
        try:
            while not self._stopping.is_set():
                self._send(self._stream.batch(self._size))
        except BaseException as error:
            self.error = error
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _send(self, packets: list[Packet]) -> None:
        """Publish; what the broker has not taken yet goes out after a reconnect."""
        self._acknowledged.clear()
        mids = {self._client.publish(topic, body, 1).mid for topic, body in packets}
        until(lambda: mids <= self._acknowledged, "the broker has all", 60)

    def __enter__(self) -> "Publisher":
        self.start()
        return self

    def __exit__(self, *_event: Any) -> None:
        self._stopping.set()
        self.join(60)
        assert self.error is None, self.error
        assert not self.is_alive()
