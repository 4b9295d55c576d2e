"""The simulator and the demo's broker, over real sockets."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.clock import HOUR, SimClock, parse_time
from firmware_sim.demo import broker
from firmware_sim.demotown.fleet import town
from firmware_sim.demotown.stream import uplinks
from firmware_sim.mqtt import BrokerAddress, Publisher, publish_births, publish_in_time

START = parse_time("2026-06-01T07:00:00+08:00")
PATIENCE_S = 20


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with broker.running() as chosen:
        yield chosen


class Listener:
    """A subscriber with a persistent session; `polite` acknowledges at once."""

    def __init__(
        self,
        port: int,
        topics: tuple[str, ...],
        client_id: str,
        *,
        polite: bool = True,
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self.enough = threading.Condition()
        self._subscribed = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTv311,
            manual_ack=not polite,
        )
        filters = [(topic, 1) for topic in topics]
        self._client.on_connect = lambda client, *_: client.subscribe(filters)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def wait_for(self, count: int) -> list[MQTTMessage]:
        with self.enough:
            assert self.enough.wait_for(lambda: len(self.messages) >= count, PATIENCE_S)
            return list(self.messages)

    def acknowledge(self, messages: list[MQTTMessage]) -> None:
        for message in messages:
            self._client.ack(message.mid, message.qos)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self.enough:
            self.messages.append(message)
            self.enough.notify()


def test_the_town_reports_over_a_real_broker(port: int) -> None:
    filters = ("sensorhub/v1/+/+/up", "application/+/device/+/event/+")
    hub = Listener(port, filters, "hub")
    births = Listener(port, ("sensorhub/v1/+/+/status",), "births")
    publisher = Publisher(BrokerAddress(port=port))
    assets, stop = town(), threading.Event()
    publish_births(publisher, assets)
    clock = SimClock(START + HOUR, 3600)
    publish_in_time(uplinks(assets, 1, START), clock, publisher, stop, START + HOUR)
    assert publisher.drain(stop)
    sent = publisher.distinct + publisher.copies
    publisher.close()
    topics = {message.topic.split("/")[0] for message in hub.wait_for(sent)}
    assert topics == {"sensorhub", "application"}
    assert len(hub.messages) == sent
    birth = json.loads(births.wait_for(1)[0].payload)
    assert birth["state"] == "online"
    assert birth["interval_s"] > 0
    for listener in (hub, births):
        listener.close()


def test_the_broker_redelivers_what_was_not_acknowledged(port: int) -> None:
    publisher = Publisher(BrokerAddress(port=port))
    first = Listener(port, ("t/#",), "persistent", polite=False)
    for n in range(50):
        publisher.retain(f"t/{n}", b"before")
    first.acknowledge(first.wait_for(50)[:20])
    first.close()
    for n in range(50):
        publisher.retain(f"t/{n}", b"while away")
    assert publisher.drain(threading.Event())
    second = Listener(port, ("t/#",), "persistent")
    again = second.wait_for(80)
    fresh = {(m.topic, m.payload) for m in again}
    assert {(f"t/{n}", b"before") for n in range(20, 50)} <= fresh
    assert {(f"t/{n}", b"while away") for n in range(50)} <= fresh
    second.close()
    publisher.close()


def test_the_command_line_runs_against_any_broker(port: int) -> None:
    command = [sys.executable, "-m", "firmware_sim", "run", "--port", str(port)]
    when = ["--start", "2026-06-01T07:00:00+08:00", "--speed", "36000"]
    result = subprocess.run(
        [*command, *when, "--hours", "1"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert result.stdout.startswith("sent ")


def test_a_taken_port_is_replaced_by_a_free_one(port: int) -> None:
    assert broker.free_port(port) != port


def test_an_unreachable_broker_is_said_clearly() -> None:
    closed = str(broker.free_port())
    command = [sys.executable, "-m", "firmware_sim", "run", "--port", closed]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "cannot reach a broker" in result.stderr
