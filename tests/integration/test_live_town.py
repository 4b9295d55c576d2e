"""A scenario's town live, over a real broker: what it sends, births and wills."""

import json
import resource
import socket
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.clock import parse_time
from firmware_sim.demo import broker
from firmware_sim.live.clients import (
    ClientIdentity,
    ClientPool,
    TooManyClientsError,
    allow_files,
)
from firmware_sim.mqtt import BrokerAddress
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load

START = "2026-03-02T00:00:00+08:00"
PATIENCE_S = 30


@pytest.fixture
def port() -> Iterator[int]:
    with broker.running() as chosen:
        yield chosen


class Listener:
    """A subscriber that keeps what it hears."""

    def __init__(self, port: int, *topics: str) -> None:
        self.heard: list[MQTTMessage] = []
        self._more = threading.Condition()
        ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        filters = [(topic, 1) for topic in topics]
        self._client.on_connect = lambda client, *_: client.subscribe(filters)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(PATIENCE_S)

    def wait_for(self, count: int) -> list[MQTTMessage]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.heard) >= count, PATIENCE_S)
            return list(self.heard)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._more:
            self.heard.append(message)
            self._more.notify()


def odd_ones(folder: Path) -> list[dict[str, Any]]:
    """What is told of single messages, in their order."""
    lines = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    labels = [json.loads(line) for line in lines]
    found = [x for x in labels if x["label"] in ("copy", "resent")]
    return sorted(found, key=lambda x: (x["line"], x["label"], x["seq"]))


@pytest.mark.parametrize("how", [[], ["--servers"]])
def test_live_sends_what_the_trace_holds(
    port: int, tmp_path: Path, how: list[str]
) -> None:
    sizes = {"town.bins": 40, "town.toilets": 3, "town.days": 1}
    write_trace("mixed", load("mixed", sizes), 3, tmp_path / "trace")
    until = parse_time(START) + 3 * 3_600_000
    lines = (tmp_path / "trace" / "uplinks.jsonl").read_text("utf-8").splitlines()
    uplinks = [json.loads(line) for line in lines]
    expected = Counter(
        (each["topic"], b64decode(each["payload"]))
        for each in uplinks
        if parse_time(each["received_at"]) < until
    )
    listener = Listener(port, "sensorhub/v1/+/+/up", "application/#")
    words = ["run", "mixed", "--bins", "40", "--toilets", "3", "--seed", "3", *how]
    words += ["--port", str(port), "--start", START, "--hours", "3"]
    words += ["--speed", "10000", "--out", str(tmp_path / "live")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    heard = listener.wait_for(expected.total())
    listener.close()
    assert Counter((m.topic, bytes(m.payload)) for m in heard) == expected
    for name in ("fleet.csv", "rounds.toml"):
        live, trace = ((tmp_path / d / name).read_text() for d in ("live", "trace"))
        assert live == trace
    must, told = (odd_ones(tmp_path / each) for each in ("trace", "live"))
    assert any(label["label"] == "resent" for label in must)
    digests = {sha256(bytes(message.payload)).hexdigest() for message in heard}
    assert {x.pop("sha256") for x in told} <= digests
    assert {x.pop("topic") for x in told} <= {message.topic for message in heard}
    assert told == [x for x in must if x["line"] <= expected.total()]


def test_native_devices_are_born_and_have_a_will(port: int) -> None:
    places = [f"sensorhub/v1/z/own-{n}/status" for n in range(3)]
    listener = Listener(port, "sensorhub/v1/z/+/status")
    clients = ClientPool(BrokerAddress(port=port))
    for n, place in enumerate(places):
        clients.add(n, ClientIdentity(f"own-{n}", place, b'{"state":"online"}'))
    clients.wait_until_connected(PATIENCE_S)
    assert clients.drain(PATIENCE_S)
    born = listener.wait_for(3)
    assert {m.topic for m in born} == set(places)
    assert {bytes(m.payload) for m in born} == {b'{"state":"online"}'}
    cut = clients.socket_of(1)
    cut.shutdown(socket.SHUT_RDWR)  # as a device that lost its radio
    (gone,) = listener.wait_for(4)[3:]
    assert (gone.topic, bytes(gone.payload)) == (places[1], b'{"state":"offline"}')
    while len(listener.heard) < 5:  # it comes back by itself, and says so
        clients.turn(0.1)
    assert bytes(listener.heard[4].payload) == b'{"state":"online"}'
    clients.close()
    farewell = listener.wait_for(8)[5:]
    assert {bytes(m.payload) for m in farewell} == {b'{"state":"offline"}'}
    listener.close()


def test_the_file_limit_says_what_to_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: raised.append(both))
    allow_files(900)
    assert not raised
    allow_files(3000)
    assert raised == [(3064, 4096)]
    with pytest.raises(
        TooManyClientsError, match=r"10064 open files.*ulimit -Hn 10064"
    ):
        allow_files(10_000)


def test_no_broker_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        words = ["run", "default", "--bins", "1", "--toilets", "0"]
        words += ["--port", str(probe.getsockname()[1])]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "cannot reach a broker" in done.output
