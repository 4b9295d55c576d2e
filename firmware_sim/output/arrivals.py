"""Messages at the broker: topic, bytes, flags, and the outcome a hub must reach."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import DAY_MS, ForeignMessage
from firmware_sim.link.redelivery import REDELIVERED
from firmware_sim.output.labels import label
from firmware_sim.output.messages import EVENT_TOPICS, MessageEncoder
from firmware_sim.simulation import Simulation

STORED = {"expect": "stored"}
EVENT = {"expect": "event"}
DUPLICATE = {"expect": "duplicate", "reason": "same_seq"}
RETAINED = {"expect": "duplicate", "reason": "retained"}
BAD_PAYLOAD = {"expect": "dead", "reason": "bad_payload"}
BAD_ENVELOPE = {"expect": "dead", "reason": "bad_envelope"}  # of a network server
UNKNOWN_DEVICE = {"expect": "dead", "reason": "unknown_device"}
LAST = 1_000  # sorts after all copies of a frame


class Arrival(NamedTuple):
    """A message at the broker; without `reason` it is a first, valid copy."""

    topic: str
    body: bytes
    device: str
    seq: int
    outcome: Mapping[str, str] = STORED
    reason: str = ""  # why it is irregular
    retain: bool = False
    dup: bool = False
    stored: tuple[DeviceFrame, ...] = ()  # stored records that it contains

    def labels(self, line: int, **extra: Any) -> Iterator[str]:
        """Yield the labels of message number `line`; `extra`: additional keys."""
        identity = {"line": line, "device": self.device}
        if self.reason:
            copy = {"seq": self.seq, **self.outcome, "why": self.reason}
            yield label("copy", **identity, **copy, **extra)
        for frame in self.stored:
            yield label("resent", **identity, seq=frame.seq, at=frame.at, **extra)


class ArrivalBuilder:
    """Builds the messages at the broker from what the radio path delivered."""

    def __init__(self, simulation: Simulation) -> None:
        self._devices = simulation.fleet.devices
        self._encoder = MessageEncoder(simulation.fleet, simulation.period_ms)

    def build(self, item: DeliveredFrame | ForeignMessage) -> Arrival:
        """Return the message that arrives at `item.at`."""
        if isinstance(item, ForeignMessage):
            return self._foreign(item)
        frame, copy, reason = item.frame, item.copy, item.reason
        topic = self._encoder.topic(frame)
        body = self._encoder.payload(frame, copy)
        device = self._devices[frame.row]
        if frame.kind in EVENT_TOPICS and reason:
            return Arrival(topic, body, device, frame.seq, EVENT, reason)
        if copy or reason == REDELIVERED:
            dup = reason == REDELIVERED
            return Arrival(topic, body, device, frame.seq, DUPLICATE, reason, dup=dup)
        stored = frame.stored
        return Arrival(topic, body, device, frame.seq, STORED, reason, stored=stored)

    def _foreign(self, item: ForeignMessage) -> Arrival:
        row, encoder = item.row, self._encoder
        topic, device = encoder.topics[row], self._devices[row]
        if item.source is None:
            at = item.at - round(item.missing * DAY_MS)
            body = encoder.leftover(row, at)
            return Arrival(topic, body, device, 0, RETAINED, item.reason, retain=True)
        frame = item.source.frame
        if item.reason == "stranger":
            unknown = encoder.stranger(frame)
            return Arrival(*unknown, frame.seq, UNKNOWN_DEVICE, item.reason)
        body = encoder.truncated(frame, item.missing)
        outcome = BAD_ENVELOPE if frame.port else BAD_PAYLOAD
        return Arrival(topic, body, device, frame.seq, outcome, item.reason)

    def write_lost(self, item: LostFrame, labels: IO[str]) -> None:
        """Write the labels of a lost frame and of the stored records in it."""
        device = self._devices[item.frame.row]
        for frame in (*item.frame.stored, item.frame):
            record = {"device": device, "seq": frame.seq, "at": frame.at}
            labels.write(label("lost", **record, why=item.reason))


def arrival_order(item: DeliveredFrame | ForeignMessage) -> tuple[int, int, int]:
    """Return a sort key: time, then a copy right after its original."""
    if isinstance(item, ForeignMessage):
        return item.at, item.row, LAST
    return item.at, item.frame.row, item.copy


def is_first_data(item: DeliveredFrame) -> bool:
    """Return whether it is the first copy of data, which are lost without it."""
    is_event = item.frame.kind in EVENT_TOPICS
    return not item.copy and item.reason != REDELIVERED and not is_event
