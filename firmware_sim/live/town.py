"""A scenario's town as a stream of messages, and its way to a broker in time."""

import heapq
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import IO, NamedTuple

from firmware_sim.clock import SimClock
from firmware_sim.families import wire
from firmware_sim.firmware import orders
from firmware_sim.firmware.sessions import BIRTH
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.live.clients import ClientIdentity, ClientPool
from firmware_sim.output.arrivals import Arrival, ArrivalBuilder, order
from firmware_sim.output.messages import FIRMWARE
from firmware_sim.output.truth import TruthWriter
from firmware_sim.simulation import Simulation
from firmware_sim.town.files import fleet_csv, rounds_toml

SERVER = -1  # the key of the network server's client
PENDING = 5_000  # messages that may be under way
ROOT, OWN_DOWN = "sensorhub/v1", "/down"
SERVER_DOWN = "application/+/device/+/command/down"
STOP_S = 0.2  # a stop is seen after at most so long


Hear = Callable[[str, bytes], None]


class TimedMessage(NamedTuple):
    """What the broker gets at `at` (epoch ms)."""

    at: int
    order: tuple[int, ...]  # of messages at the same moment, as in a trace
    row: int
    arrival: Arrival

    @property
    def retain(self) -> bool:
        """Whether the broker shall keep it: leftovers and births."""
        return self.arrival.retain or self.arrival.why == BIRTH


class MessageStream:
    """The messages of a town in order of time; the truth goes to `labels`."""

    def __init__(self, simulation: Simulation, labels: IO[str] | None = None) -> None:
        self._simulation = simulation
        self._arrivals = ArrivalBuilder(simulation)
        devices = simulation.fleet.devices
        self._rows = {device: row for row, device in enumerate(devices)}
        self._truth = None if labels is None else TruthWriter(simulation, labels)
        self._labels = labels
        self._waiting: list[TimedMessage] = []
        self._count = 0
        self._sent = 0

    def messages(self) -> Iterator[TimedMessage]:
        """All of the scenario's days."""
        for item in self._simulation.leftovers():
            self._put(item)
        for step in self._simulation.steps(self._simulation.scenario.town.days):
            for each in (*step.carried, *step.foreign):
                self._take(each)
            if self._truth is not None:
                self._truth.take(step)
            while self._waiting and self._waiting[0].at < step.now.at:
                message = heapq.heappop(self._waiting)
                yield message
                self._tell(message.arrival)
        if self._truth is not None:
            self._truth.close()

    def hear(self, topic: str, payload: bytes) -> None:
        """A downlink that came, for a device of the town; others are ignored."""
        row = self._rows.get(topic.split("/")[3])
        read = orders.native if topic.startswith(ROOT) else orders.lorawan
        if row is not None and (order := read(payload)) is not None:
            self._simulation.order(row, order)

    def _tell(self, arrival: Arrival) -> None:
        """Label what was sent, with what it is known by in a live ledger."""
        self._sent += 1
        if self._labels is not None and (arrival.why or arrival.stored):
            digest = sha256(arrival.body).hexdigest()
            known = {"topic": arrival.topic, "sha256": digest}
            self._labels.writelines(arrival.labels(self._sent, **known))

    def _take(self, item: DeliveredFrame | LostFrame | ForeignMessage) -> None:
        if not isinstance(item, LostFrame):
            self._put(item)
        elif self._labels is not None:
            self._arrivals.lost(item, self._labels)

    def _put(self, item: DeliveredFrame | ForeignMessage) -> None:
        row = item.row if isinstance(item, ForeignMessage) else item.frame.row
        self._count += 1
        arrival = self._arrivals.of(item)
        place = (*order(item), self._count)
        heapq.heappush(self._waiting, TimedMessage(item.at, place, row, arrival))


def identities(simulation: Simulation, *, own: bool) -> dict[int, ClientIdentity]:
    """Who connects: a network server, and each native device where they have own."""
    fleet = simulation.fleet
    tag = f"{simulation.start:x}"
    listens = (SERVER_DOWN,) if own else (SERVER_DOWN, f"{ROOT}/+/+{OWN_DOWN}")
    found = {SERVER: ClientIdentity(f"network-server-{tag}", "", b"", listens)}
    for row in range(fleet.rows) if own else ():
        if fleet.is_native(row):
            device = fleet.devices[row]
            place = f"{ROOT}/{fleet.zone_id(row)}/{device}"
            birth = wire.birth(simulation.period_ms[row] // 1000, FIRMWARE)
            told = (f"{place}/status", birth, (f"{place}{OWN_DOWN}",))
            found[row] = ClientIdentity(f"{device}-{tag}", *told)
    return found


def write_files(simulation: Simulation, out: Path) -> None:
    """Register and rounds of the town, for a hub to import."""
    fleet, scenario = simulation.fleet, simulation.scenario
    out.mkdir(parents=True, exist_ok=True)
    (out / "fleet.csv").write_text(fleet_csv(fleet, scenario), "utf-8")
    (out / "rounds.toml").write_text(rounds_toml(fleet, simulation.rounds), "utf-8")


def publish(
    stream: Iterator[TimedMessage],
    clients: ClientPool,
    who: tuple[set[int], Hear],
    clock: SimClock,
    stop: Event,
) -> int:
    """Publish each message in its time, until the stream's end; answers how many.

    `who`: the keys of the clients, and who hears what they are told.
    """
    (own, hear), count = who, 0
    for message in stream:
        while (wait := clock.real_s(message.at)) > 0 or clients.pending > PENDING:
            clients.turn(min(max(wait, 0.001), STOP_S))
            for topic, payload in clients.heard():
                hear(topic, payload)
            if stop.is_set():
                return count
        if stop.is_set():
            return count
        key = message.row if message.row in own else SERVER
        arrival = message.arrival
        clients.publish(key, arrival.topic, arrival.body, retain=message.retain)
        count += 1
        if not count % 100:
            clients.turn(0)
    return count
