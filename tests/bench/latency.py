"""How long the public waits for an alert, and an operator for the hub."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sensorhub.clock import Clock
from sensorhub.hub.workspace import OperatorRequest, Workspace, act, load_all
from tests.bench.packets import DAY_MS, STEP_MS, World, device_name
from tests.bench.publisher import Connection
from tests.bench.rig import Hub, Script, hub, prepare, publisher, say, send, until

BACKLOG = 50_000  # uplinks that wait for a saturated hub


class Cause(msgspec.Struct):
    """Why an alert moved."""

    device: str = ""
    measured_at: str = ""


class Moved(msgspec.Struct):
    """A transition."""

    cause: Cause


class Event(msgspec.Struct):
    """What the hub publishes about a transition, as far as we look at it."""

    transition: Moved


@contextmanager
def events(port: int) -> Iterator[list[tuple[float, bytes]]]:
    """What arrives under the topics of events, and when (monotonic seconds)."""
    arrived: list[tuple[float, bytes]] = []
    ready = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)

    def subscribe(*_: Any) -> None:
        client.subscribe("sensorhub/v1/events/#", 1)

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _c, _d, m: arrived.append(
        (time.monotonic(), bytes(m.payload))
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    ready.wait(10)
    try:
        yield arrived
    finally:
        client.disconnect()
        client.loop_stop()


def percentiles(values_ms: list[float]) -> dict[str, float]:
    """Median and the 99th of a hundred, ms."""
    low, high = np.percentile(values_ms, (50, 99))
    return {"p50_ms": round(float(low), 1), "p99_ms": round(float(high), 1)}


def publish_to_alert(devices: int, rounds: int, rate: float) -> dict[str, float]:
    """From the publishing of an uplink to the arrival of the event it causes."""
    start = Clock().now() - 7 * DAY_MS
    world = World(devices, "native", 0.015, start)
    with hub(devices) as found, events(found.broker.port) as arrived:
        connection = Connection(found.broker.port)
        sent: dict[tuple[str, str], float] = {}
        numbers = [device_name("native", i + 1) for i in range(devices)]
        began = time.monotonic()
        for number in range(rounds):
            rows = world.next_round()
            measured_at = np.datetime64(start + number * STEP_MS, "ms").astype(str)
            world.number(rows, number * devices)
            for i, row in enumerate(rows):
                due = began + (number * devices + i) / rate
                time.sleep(max(0.0, due - time.monotonic()))
                sent[numbers[i], f"{measured_at}Z"] = time.monotonic()
                connection.send(row.tobytes())
        found.wait_done(devices * rounds)
        took = []
        for at, payload in arrived:
            cause = msgspec.json.decode(payload, type=Event).transition.cause
            took.append((at - sent[cause.device, cause.measured_at]) * 1000)
    say(f"  {len(took)} events, slowest {max(took):.0f} ms")
    return {**percentiles(took), "events": len(took), "uplinks_per_s": rate}


@contextmanager
def saturated(found: Hub, source: Script, sent: int) -> Iterator[None]:
    """Keeps a backlog of uplinks at the broker; `sent` already."""
    ending = threading.Event()

    def feed() -> None:
        while not ending.is_set():
            source.tell(f"until {found.received() + BACKLOG}")
            ending.wait(0.05)

    thread = threading.Thread(target=feed)
    source.tell(f"until {sent + BACKLOG}")
    source.tell("go 1000000 0")
    thread.start()
    until(lambda: found.received() > sent + BACKLOG, "the backlog")
    try:
        yield
    finally:
        ending.set()
        thread.join()


def operator_write(devices: int, acts: int) -> dict[str, float]:
    """From an operator's act to the hub's answer, while uplinks pour in."""
    with (
        hub(devices) as found,
        publisher(found.broker, devices) as source,
    ):
        prepare(source, 1)
        send(source, 1)
        found.wait_done(devices)
        place = Workspace(found.config, found.data)
        took = []
        with saturated(found, source, devices):
            before, began = found.received(), time.monotonic()
            for i in range(acts):
                asked = time.monotonic()
                arguments = {"asset": f"bin-{1 + i % devices}", "kind": "emptied"}
                request = OperatorRequest("bench", "service", arguments)
                # loaded each time, as a command of the command line does
                assert act(place, *load_all(place), request) is not None
                took.append((time.monotonic() - asked) * 1000)
                time.sleep(0.05)
            rate = (found.received() - before) / (time.monotonic() - began)
    say(f"  {rate:.0f} uplinks/s meanwhile, slowest act {max(took):.0f} ms")
    return {**percentiles(took), "acts": acts, "uplinks_per_s": round(rate)}
