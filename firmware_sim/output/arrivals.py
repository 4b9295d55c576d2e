"""What arrives at the broker: topic, bytes, flags, and how a hub must end it."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.link.noise import DAY_MS, ForeignMessage
from firmware_sim.link.redelivery import WHY
from firmware_sim.output.labels import label
from firmware_sim.output.messages import WHERE, MessageEncoder
from firmware_sim.simulation import Simulation

STORED = {"expect": "stored"}
EVENT = {"expect": "event"}
DOUBLE = {"expect": "duplicate", "reason": "same_seq"}
RETAINED = {"expect": "duplicate", "reason": "retained"}
BROKEN = {"expect": "dead", "reason": "bad_payload"}
TORN = {"expect": "dead", "reason": "bad_envelope"}  # of a network server
UNKNOWN = {"expect": "dead", "reason": "unknown_device"}
LAST = 1_000  # more than copies can be


class Arrival(NamedTuple):
    """A message at the broker; without `why` it is a first, sound copy."""

    topic: str
    body: bytes
    device: str
    seq: int
    ends: Mapping[str, str] = STORED
    why: str = ""
    retain: bool = False
    dup: bool = False
    stored: tuple[DeviceFrame, ...] = ()  # records that come with it after all

    def labels(self, line: int, **more: Any) -> Iterator[str]:
        """The labels of a message that is number `line`."""
        seen = {"line": line, "device": self.device}
        if self.why:
            what = {"seq": self.seq, **self.ends, "why": self.why}
            yield label("copy", **seen, **what, **more)
        for frame in self.stored:
            yield label("resent", **seen, seq=frame.seq, at=frame.at, **more)


class ArrivalBuilder:
    """Makes arrivals of what the link carried; writes `lost` labels."""

    def __init__(self, simulation: Simulation) -> None:
        self._devices = simulation.fleet.devices
        self._messages = MessageEncoder(simulation.fleet, simulation.period_ms)

    def of(self, item: DeliveredFrame | ForeignMessage) -> Arrival:
        """What the broker has at `item.at`."""
        if isinstance(item, ForeignMessage):
            return self._foreign(item)
        frame, copy, why = item.frame, item.copy, item.why
        topic, body = self._messages.topic(frame), self._messages.payload(frame, copy)
        device, again = self._devices[frame.row], why == WHY
        if not why:
            seen = (topic, body, device, frame.seq)
            return Arrival(*seen, STORED, "", False, False, frame.more)
        if frame.kind in WHERE:
            return Arrival(topic, body, device, frame.seq, EVENT, why)
        if copy or again:
            seen = (topic, body, device, frame.seq)
            return Arrival(*seen, DOUBLE, why, dup=again)
        return Arrival(topic, body, device, frame.seq, STORED, why, stored=frame.more)

    def _foreign(self, item: ForeignMessage) -> Arrival:
        """An uplink that is none of the town's."""
        row, messages = item.row, self._messages
        topic, device = messages.topics[row], self._devices[row]
        if item.source is None:
            at = item.at - round(item.missing * DAY_MS)
            seen = (topic, messages.leftover(row, at), device, 0)
            return Arrival(*seen, RETAINED, item.why, retain=True)
        frame = item.source.frame
        if item.why == "stranger":
            other, topic, body = messages.stranger(frame)
            return Arrival(topic, body, other, frame.seq, UNKNOWN, item.why)
        body, ends = messages.cut(frame, item.missing), TORN if frame.port else BROKEN
        return Arrival(topic, body, device, frame.seq, ends, item.why)

    def lost(self, item: LostFrame, labels: IO[str]) -> None:
        """Write that a frame, and what went with it, did not arrive."""
        device = self._devices[item.frame.row]
        for frame in (*item.frame.more, item.frame):
            what = {"device": device, "seq": frame.seq, "at": frame.at}
            labels.write(label("lost", **what, why=item.why))


def order(item: DeliveredFrame | ForeignMessage) -> tuple[int, int, int]:
    """By time; what is like another comes right after it."""
    if isinstance(item, ForeignMessage):
        return item.at, item.row, LAST
    return item.at, item.frame.row, item.copy


def first(item: DeliveredFrame) -> bool:
    """Whether it is the first copy of data: without it they are lost."""
    return not item.copy and item.why != WHY and item.frame.kind not in WHERE
