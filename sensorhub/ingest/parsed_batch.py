"""A batch as read and not yet judged: plain lists, one entry an uplink or reading."""

from dataclasses import dataclass, field
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from sensorhub.columns import BARE
from sensorhub.decode.native import Status
from sensorhub.ingest.validate import NO_TIME
from sensorhub.model import DUP, Envelope, Frame, Message, Outcome, Reason
from sensorhub.registry.profiles import Profile

# plain numbers: looking up a member of an enum costs more than all the rest
STORED, NO_REASON = int(Outcome.STORED), int(Reason.NONE)
ReadingRow = tuple[int, float, int | None]  # measurement number, value, own time
# An uplink through ChirpStack: device, application (downlinks go there), frame (it may
# hold the answer to a downlink). A plain tuple: a NamedTuple costs 0.4 µs an uplink.
ChirpStackUplink = tuple[int, str, bytes]


class Dead(NamedTuple):
    """An uplink that could not be used: its place, device and reason."""

    uplink: int
    device: str
    detail: str


class Told(NamedTuple):
    """A device's birth or last will; `retained`: a leftover of some earlier time."""

    device: int
    status: Status
    retained: bool = False


class Receipt(NamedTuple):
    """What ChirpStack says of a downlink: `kind` is txack, ack or nack."""

    id: str
    kind: str


class DecodedUplink(NamedTuple):
    """What a decoder made of an uplink, or of one record of a native uplink.

    `profile` is None for native records; `readings` says how many it gave; `remarks`
    name what was ignored, and why.
    """

    uplink: int
    envelope: Envelope
    profile: Profile | None
    frame: Frame
    readings: int
    remarks: list[str]


@dataclass(slots=True)
class DecodeTrace:
    """How messages were decoded, kept for `sensorhub decode`; the hub keeps none."""

    uplinks: list[DecodedUplink] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)  # event, device


def poison_key(message: Message) -> int:
    """What doubles of a message that nobody can read are known by."""
    return xxh3_64_intdigest(message.payload, xxh3_64_intdigest(message.topic, 1))


@dataclass(slots=True)
class ParsedBatch:
    """One entry an uplink, in the order received; then one a reading."""

    message: list[int] = field(default_factory=list)
    device: list[int] = field(default_factory=list)
    key: list[int] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    network: list[int] = field(default_factory=list)
    outcome: bytearray = field(default_factory=bytearray)
    reason: bytearray = field(default_factory=bytearray)
    sound: list[bool] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    code: bytearray = field(default_factory=bytearray)
    value: list[float] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    own_time: dict[int, int] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)
    dup: set[int] = field(default_factory=set)
    via: dict[int, tuple[str, ...]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    ignored: dict[int, list[str]] = field(default_factory=dict)
    trace: DecodeTrace | None = None
    states: list[str] = field(default_factory=list)
    downlink_signs: list[Receipt | ChirpStackUplink] = field(default_factory=list)
    events: int = 0
    zone_mismatch: int = 0

    def open(self, message: int, device: int, key: int, seq: int) -> int:
        """Begin an uplink; its place."""
        self.message.append(message)
        self.device.append(device)
        self.key.append(key)
        self.seq.append(seq)
        self.said.append(NO_TIME)
        self.network.append(NO_TIME)
        self.outcome.append(STORED)
        self.reason.append(NO_REASON)
        self.sound.append(False)
        self.count.append(0)
        return len(self.message) - 1

    def enter(
        self, i: int, message: Message, device: int, key: int, seq: int = BARE
    ) -> int:
        """Begin an uplink of the batch's message `i`; its place."""
        uplink = self.open(i, device, key, seq)
        if message.flags & DUP:
            self.dup.add(uplink)
        return uplink

    def insert(self, readings: dict[int, list[ReadingRow]]) -> None:
        """Give uplinks that have no readings yet theirs, each in its place."""
        old_code, old_value, old_times = self.code, self.value, self.own_time
        self.code, self.value, self.own_time = bytearray(), [], {}
        start = 0
        for uplink, count in enumerate(self.count):
            shift = len(self.code) - start
            for place in range(start, start + count) if old_times else ():
                if place in old_times:
                    self.own_time[place + shift] = old_times[place]
            self.code += old_code[start : start + count]
            self.value += old_value[start : start + count]
            start += count
            for code, value, at in readings.get(uplink, ()):
                if at is not None:
                    self.own_time[len(self.code)] = at
                self.code.append(code)
                self.value.append(value)
        for uplink, rows in readings.items():
            self.count[uplink] += len(rows)

    def close(self, uplink: int, device: str, said: list[str]) -> None:
        """All of the uplink is read; `said`: what there is to say about it."""
        if said:
            self.ignored[uplink] = said
        if not self.count[uplink] and not self.sound[uplink]:
            detail = "; ".join(said) or "no values"
            self.kill(uplink, Reason.NOTHING_USABLE, device, detail)

    def kill(self, uplink: int, reason: Reason, device: str, detail: str) -> None:
        """The uplink is dead."""
        self.outcome[uplink] = Outcome.DEAD
        self.reason[uplink] = reason
        self.dead.append(Dead(uplink, device, detail[:500]))
