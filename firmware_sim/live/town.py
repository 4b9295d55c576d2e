"""A scenario's town as a stream of messages, and its way to a broker in time."""

import heapq
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import IO, NamedTuple

from firmware_sim import wire
from firmware_sim.clock import SimClock
from firmware_sim.firmware.sessions import BIRTH
from firmware_sim.labels import label
from firmware_sim.link.channel import Delivery, Lost
from firmware_sim.link.noise import DAY_MS, Foreign
from firmware_sim.live.clients import Clients, Identity
from firmware_sim.messages import FIRMWARE, Messages
from firmware_sim.simulation import Simulation
from firmware_sim.town.files import fleet_csv, rounds_toml
from firmware_sim.truth import Truth

SERVER = -1  # the key of the network server's client
PENDING = 5_000  # messages that may be under way
STOP_S = 0.2  # a stop is seen after at most so long


class Message(NamedTuple):
    """What the broker gets at `at` (epoch ms)."""

    at: int
    order: int  # of messages at the same moment
    row: int
    topic: str
    payload: bytes
    retain: bool = False


class Stream:
    """The messages of a town in order of time; the truth goes to `labels`."""

    def __init__(self, simulation: Simulation, labels: IO[str] | None = None) -> None:
        self._simulation = simulation
        self._messages = Messages(simulation.fleet, simulation.period_ms)
        self._truth = None if labels is None else Truth(simulation, labels)
        self._labels = labels
        self._waiting: list[Message] = []
        self._count = 0

    def messages(self) -> Iterator[Message]:
        """All of the scenario's days."""
        for item in self._simulation.leftovers():
            self._foreign(item)
        for step in self._simulation.steps(self._simulation.scenario.town.days):
            for each in (*step.carried, *step.foreign):
                self._take(each)
            if self._truth is not None:
                self._truth.take(step)
            while self._waiting and self._waiting[0].at < step.now.at:
                yield heapq.heappop(self._waiting)
        if self._truth is not None:
            self._truth.close()

    def _take(self, item: Delivery | Lost | Foreign) -> None:
        if isinstance(item, Lost):
            self._lost(item)
        elif isinstance(item, Foreign):
            self._foreign(item)
        else:
            topic = self._messages.topic(item.frame)
            body = self._messages.payload(item.frame, item.copy)
            retain = item.frame.kind == BIRTH
            self._put(item.at, item.frame.row, topic, body, retain=retain)

    def _put(
        self, at: int, row: int, topic: str, body: bytes, *, retain: bool = False
    ) -> None:
        self._count += 1
        message = Message(at, self._count, row, topic, body, retain)
        heapq.heappush(self._waiting, message)

    def _foreign(self, item: Foreign) -> None:
        topic = self._messages.topics[item.row]
        if item.source is None:
            body = self._messages.leftover(
                item.row, item.at - round(item.missing * DAY_MS)
            )
            self._put(item.at, item.row, topic, body, retain=True)
            return
        frame = item.source.frame
        if item.why == "stranger":
            _, topic, body = self._messages.stranger(frame)
        else:
            body = self._messages.cut(frame, item.missing)
        self._put(item.at, item.row, topic, body)

    def _lost(self, item: Lost) -> None:
        if self._labels is not None:
            frame = item.frame
            device = self._simulation.fleet.devices[frame.row]
            what = {"device": device, "seq": frame.seq, "at": frame.at}
            self._labels.write(label("lost", **what, why=item.why))


def identities(simulation: Simulation, *, own: bool) -> dict[int, Identity]:
    """Who connects: a network server, and each native device where they have own."""
    fleet = simulation.fleet
    tag = f"{simulation.start:x}"
    found = {SERVER: Identity(f"network-server-{tag}", "", b"")}
    for row in range(fleet.rows) if own else ():
        if fleet.is_native(row):
            device = fleet.devices[row]
            place = f"sensorhub/v1/{fleet.zone_id(row)}/{device}/status"
            birth = wire.birth(simulation.period_ms[row] // 1000, FIRMWARE)
            found[row] = Identity(f"{device}-{tag}", place, birth)
    return found


def write_files(simulation: Simulation, out: Path) -> None:
    """Register and rounds of the town, for a hub to import."""
    fleet, scenario = simulation.fleet, simulation.scenario
    out.mkdir(parents=True, exist_ok=True)
    (out / "fleet.csv").write_text(fleet_csv(fleet, scenario), "utf-8")
    (out / "rounds.toml").write_text(rounds_toml(fleet, simulation.rounds), "utf-8")


def publish(
    stream: Iterator[Message],
    clients: Clients,
    own: set[int],
    clock: SimClock,
    stop: Event,
) -> int:
    """Publish each message in its time, until the stream's end; answers how many."""
    count = 0
    for message in stream:
        while (wait := clock.real_s(message.at)) > 0 or clients.pending > PENDING:
            clients.turn(min(max(wait, 0.001), STOP_S))
            if stop.is_set():
                return count
        if stop.is_set():
            return count
        key = message.row if message.row in own else SERVER
        clients.publish(key, message.topic, message.payload, retain=message.retain)
        count += 1
        if not count % 100:
            clients.turn(0)
    return count
