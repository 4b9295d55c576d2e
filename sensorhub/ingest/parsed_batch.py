"""A batch as read, before any check: plain lists, one entry per uplink or reading."""

from dataclasses import dataclass, field
from typing import NamedTuple

from xxhash import xxh3_64_intdigest

from sensorhub.columns import BARE
from sensorhub.decode.native import DeviceStatus
from sensorhub.ingest.validate import NO_TIME
from sensorhub.model import DUP, Envelope, Frame, Message, Outcome, Reason
from sensorhub.registry.profiles import Profile

# plain numbers: looking up a member of an enum costs more than all the rest
STORED, NO_REASON = int(Outcome.STORED), int(Reason.NONE)
ReadingRow = tuple[int, float, int | None]  # measurement number, value, own time
# An uplink through ChirpStack: device, application (downlinks go there), frame (it may
# hold the answer to a downlink). A plain tuple: a NamedTuple costs 0.4 µs an uplink.
ChirpStackUplink = tuple[int, str, bytes]


class DeadUplink(NamedTuple):
    """An uplink that becomes a dead letter: its place, device and detail."""

    uplink: int
    device: str
    detail: str


class DeviceStatusReport(NamedTuple):
    """A device's birth message or last will; `retained` ones may be of any age."""

    device: int
    status: DeviceStatus
    retained: bool = False


class DownlinkReceipt(NamedTuple):
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


def raw_message_key(message: Message) -> int:
    """The deduplication key of a message that cannot be read."""
    return xxh3_64_intdigest(message.payload, xxh3_64_intdigest(message.topic, 1))


@dataclass(slots=True)
class ParsedBatch:
    """Columns of uplinks, in the order received, and of their readings, as lists.

    Per uplink: `message` (place in the batch), `device` (register number), `key`,
    `seq`, `device_time` and `network_time` (ms or NO_TIME), `outcome`, `reason`,
    `sound` (stored even without readings), `count` of readings. Per reading: `code`,
    `value`. By place of a reading: `own_time`, where it is not the uplink's. By place
    of an uplink: `gateways`, `ignored`, `redelivered` (flag DUP). `replaced` holds the
    device times that are not used; `alert_topics` those of retained alert states.
    """

    message: list[int] = field(default_factory=list)
    device: list[int] = field(default_factory=list)
    key: list[int] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    device_time: list[int] = field(default_factory=list)
    network_time: list[int] = field(default_factory=list)
    outcome: bytearray = field(default_factory=bytearray)
    reason: bytearray = field(default_factory=bytearray)
    sound: list[bool] = field(default_factory=list)
    count: list[int] = field(default_factory=list)
    code: bytearray = field(default_factory=bytearray)
    value: list[float] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    own_time: dict[int, int] = field(default_factory=dict)
    dead: list[DeadUplink] = field(default_factory=list)
    redelivered: set[int] = field(default_factory=set)
    gateways: dict[int, tuple[str, ...]] = field(default_factory=dict)
    statuses: list[DeviceStatusReport] = field(default_factory=list)
    ignored: dict[int, list[str]] = field(default_factory=dict)
    trace: DecodeTrace | None = None
    alert_topics: list[str] = field(default_factory=list)
    downlink_signs: list[DownlinkReceipt | ChirpStackUplink] = field(
        default_factory=list
    )
    events: int = 0
    zone_mismatch: int = 0

    def add_uplink(self, message: int, device: int, key: int, seq: int) -> int:
        """Add an uplink without readings and return its place."""
        self.message.append(message)
        self.device.append(device)
        self.key.append(key)
        self.seq.append(seq)
        self.device_time.append(NO_TIME)
        self.network_time.append(NO_TIME)
        self.outcome.append(STORED)
        self.reason.append(NO_REASON)
        self.sound.append(False)
        self.count.append(0)
        return len(self.message) - 1

    def add_uplink_of(
        self, i: int, message: Message, device: int, key: int, seq: int = BARE
    ) -> int:
        """Add an uplink of the batch's message `i` and return its place."""
        uplink = self.add_uplink(i, device, key, seq)
        if message.flags & DUP:
            self.redelivered.add(uplink)
        return uplink

    def insert_readings(self, readings: dict[int, list[ReadingRow]]) -> None:
        """Insert the readings of uplinks that have none yet, each in its place."""
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

    def finish_uplink(self, uplink: int, device: str, remarks: list[str]) -> None:
        """Keep the remarks on an uplink; mark it dead where it has no reading."""
        if remarks:
            self.ignored[uplink] = remarks
        if not self.count[uplink] and not self.sound[uplink]:
            detail = "; ".join(remarks) or "no values"
            self.mark_dead(uplink, Reason.NOTHING_USABLE, device, detail)

    def mark_dead(self, uplink: int, reason: Reason, device: str, detail: str) -> None:
        """Mark an uplink as a dead letter."""
        self.outcome[uplink] = Outcome.DEAD
        self.reason[uplink] = reason
        self.dead.append(DeadUplink(uplink, device, detail[:500]))
