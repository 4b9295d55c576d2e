"""A scenario's town as a stream of messages, published in time."""

import heapq
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import IO, NamedTuple

from firmware_sim.clock import SimClock
from firmware_sim.families import wire
from firmware_sim.firmware import command_queue
from firmware_sim.firmware.sessions import BIRTH
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import ForeignMessage
from firmware_sim.live.clients import ClientIdentity, ClientPool
from firmware_sim.output.arrivals import Arrival, ArrivalBuilder, arrival_order
from firmware_sim.output.messages import FIRMWARE
from firmware_sim.output.truth import TruthWriter
from firmware_sim.simulation import Simulation
from firmware_sim.town.files import fleet_csv, rounds_toml

SERVER = -1  # the key of the network server's client
MAX_PENDING = 5_000  # messages not yet acknowledged
ROOT, DOWN = "sensorhub/v1", "/down"
SERVER_DOWN = "application/+/device/+/command/down"
STOP_S = 0.2  # longest time until a stop is noticed


DownlinkReceiver = Callable[[str, bytes], None]


class TimedMessage(NamedTuple):
    """A message that the broker receives at `at` (epoch ms)."""

    at: int
    order: tuple[int, ...]  # among messages of the same time, as in a trace
    row: int
    arrival: Arrival

    @property
    def retain(self) -> bool:
        """Whether it is published as retained: leftovers and births."""
        return self.arrival.retain or self.arrival.reason == BIRTH


class MessageStream:
    """The messages of a town in order of time; writes the ground truth to `labels`."""

    def __init__(self, simulation: Simulation, labels: IO[str] | None = None) -> None:
        self._simulation = simulation
        self._arrivals = ArrivalBuilder(simulation)
        devices = simulation.fleet.devices
        self._rows = {device: row for row, device in enumerate(devices)}
        self._truth = None if labels is None else TruthWriter(simulation, labels)
        self._labels = labels
        self._waiting: list[TimedMessage] = []
        self._queued = 0
        self._sent = 0

    def messages(self) -> Iterator[TimedMessage]:
        """Yield the messages of all days of the scenario."""
        for item in self._simulation.leftovers():
            self._queue(item)
        for step in self._simulation.steps(self._simulation.scenario.town.days):
            for each in (*step.transmitted, *step.foreign_messages):
                self._add(each)
            if self._truth is not None:
                self._truth.write_step(step)
            while self._waiting and self._waiting[0].at < step.now.at:
                message = heapq.heappop(self._waiting)
                yield message
                self._label_sent(message.arrival)
        if self._truth is not None:
            self._truth.close()

    def receive_downlink(self, topic: str, payload: bytes) -> None:
        """Queue a downlink for its device; ignored if the device is not in the town."""
        row = self._rows.get(topic.split("/")[3])
        native = topic.startswith(ROOT)
        parse = command_queue.native if native else command_queue.lorawan
        if row is not None and (command := parse(payload)) is not None:
            self._simulation.queue_command(row, command)

    def _label_sent(self, arrival: Arrival) -> None:
        """Label a sent message with topic and digest, as in a live outcome log."""
        self._sent += 1
        if self._labels is not None and (arrival.reason or arrival.stored):
            digest = sha256(arrival.body).hexdigest()
            keys = {"topic": arrival.topic, "sha256": digest}
            self._labels.writelines(arrival.labels(self._sent, **keys))

    def _add(self, item: DeliveredFrame | LostFrame | ForeignMessage) -> None:
        if not isinstance(item, LostFrame):
            self._queue(item)
        elif self._labels is not None:
            self._arrivals.write_lost(item, self._labels)

    def _queue(self, item: DeliveredFrame | ForeignMessage) -> None:
        row = item.row if isinstance(item, ForeignMessage) else item.frame.row
        self._queued += 1
        arrival = self._arrivals.build(item)
        order = (*arrival_order(item), self._queued)
        heapq.heappush(self._waiting, TimedMessage(item.at, order, row, arrival))


def identities(
    simulation: Simulation, *, client_per_device: bool
) -> dict[int, ClientIdentity]:
    """Return the clients that connect, by device row.

    A network server always; each native device if `client_per_device`.
    """
    fleet = simulation.fleet
    tag = f"{simulation.start:x}"
    all_topics = (SERVER_DOWN, f"{ROOT}/+/+{DOWN}")
    topics = (SERVER_DOWN,) if client_per_device else all_topics
    found = {SERVER: ClientIdentity(f"network-server-{tag}", "", b"", topics)}
    for row in range(fleet.rows) if client_per_device else ():
        if fleet.is_native(row):
            device = fleet.devices[row]
            topic = f"{ROOT}/{fleet.zone_id(row)}/{device}"
            found[row] = ClientIdentity(
                name=f"{device}-{tag}",
                status_topic=f"{topic}/status",
                birth=wire.birth(simulation.period_ms[row] // 1000, FIRMWARE),
                command_topics=(f"{topic}{DOWN}",),
            )
    return found


def write_files(simulation: Simulation, out: Path) -> None:
    """Write the register and the rounds of the town, for a hub to import."""
    fleet, scenario = simulation.fleet, simulation.scenario
    out.mkdir(parents=True, exist_ok=True)
    (out / "fleet.csv").write_text(fleet_csv(fleet, scenario), "utf-8")
    (out / "rounds.toml").write_text(rounds_toml(fleet, simulation.rounds), "utf-8")


def publish(
    stream: Iterator[TimedMessage],
    clients: ClientPool,
    on_downlink: DownlinkReceiver,
    clock: SimClock,
    stop: Event,
) -> int:
    """Publish each message at its time until the stream ends; return their number.

    A device without a client of its own is published by the network server's.
    """
    count = 0
    for message in stream:
        while (wait := clock.real_s(message.at)) > 0 or clients.pending > MAX_PENDING:
            clients.turn(min(max(wait, 0.001), STOP_S))
            for topic, payload in clients.received():
                on_downlink(topic, payload)
            if stop.is_set():
                return count
        if stop.is_set():
            return count
        key = message.row if message.row in clients else SERVER
        arrival = message.arrival
        clients.publish(key, arrival.topic, arrival.body, retain=message.retain)
        count += 1
        if not count % 100:
            clients.turn(0)
    return count
