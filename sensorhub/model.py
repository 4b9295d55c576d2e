"""The domain types that all packages share. Frozen values; imports nothing of ours.

Times are epoch milliseconds (UTC) as int everywhere inside; text at the edges.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Protocol

import msgspec

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
is_id = re.compile(ID_PATTERN).fullmatch
RESERVED_ZONES = frozenset({"alerts", "events", "hub"})
TOPIC_ROOT = "sensorhub/v1"


class AssetKind(StrEnum):
    """What kind of thing is watched."""

    BIN = "bin"
    CONTAINER = "container"
    WASTE_PIT = "waste_pit"
    TRANSFER_STATION = "transfer_station"
    TOILET = "toilet"
    MOBILE_TOILET = "mobile_toilet"


class MeasurementKind(StrEnum):
    """How values of a measurement behave."""

    GAUGE = "gauge"
    COUNTER = "counter"
    FLAG = "flag"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A catalogue entry. `no` stands in the journal and is never reused."""

    no: int
    name: str
    unit: str
    low: float
    high: float
    kind: MeasurementKind = MeasurementKind.GAUGE
    decimals: int = 2


def _flag(no: int, name: str) -> Measurement:
    return Measurement(no, name, "", 0, 1, MeasurementKind.FLAG, 0)


CATALOGUE: tuple[Measurement, ...] = (
    Measurement(1, "fill_level", "%", -5, 130, decimals=1),
    Measurement(2, "distance", "mm", 0, 20_000, decimals=0),
    Measurement(3, "temperature", "°C", -50, 150, decimals=1),
    Measurement(4, "humidity", "%", 0, 100, decimals=1),
    Measurement(5, "battery", "%", 0, 100, decimals=0),
    Measurement(6, "battery_voltage", "V", 0, 20, decimals=3),
    Measurement(7, "tilt", "°", 0, 180, decimals=1),
    _flag(8, "tilted"),
    _flag(9, "leak"),
    _flag(10, "lid_open"),
    _flag(11, "occupied"),
    Measurement(12, "nh3", "ppm", -10, 1000, decimals=3),
    Measurement(13, "h2s", "ppm", -10, 1000, decimals=3),
    Measurement(14, "count_in", "", 0, 2**53, MeasurementKind.COUNTER, 0),
    Measurement(15, "count_out", "", 0, 2**53, MeasurementKind.COUNTER, 0),
    Measurement(16, "rssi", "dBm", -200, 50, decimals=0),
    Measurement(17, "snr", "dB", -50, 50, decimals=1),
    Measurement(18, "odour_rise", "ppm", -1000, 1000, MeasurementKind.ESTIMATE, 3),
    Measurement(25, "battery_days", "d", 0, 3650, MeasurementKind.ESTIMATE, 1),
    Measurement(26, "stuck_hours", "h", 0, 10_000, MeasurementKind.ESTIMATE, 1),
    Measurement(27, "suspect_share", "%", 0, 100, MeasurementKind.ESTIMATE, 1),
    Measurement(28, "zero_drift", "ppm", 0, 1000, MeasurementKind.ESTIMATE, 3),
)
BY_NAME = {m.name: m for m in CATALOGUE}
BY_NO = {m.no: m for m in CATALOGUE}
FILL = BY_NAME["fill_level"].no
NEVER = -(2**62)  # a time (ms) before all others
CODES = 128  # one more than the highest measurement number can be


class Outcome(IntEnum):
    """How an uplink ended. EVENT and REPLAY are not counted as uplinks."""

    STORED = 0
    DUPLICATE = 1
    DEAD = 2
    EVENT = 3
    REPLAY = 4


class Quality(IntEnum):
    """How far a reading is trusted."""

    OK = 0
    SUSPECT = 1
    REJECTED = 2


class Reason(IntEnum):
    """Why an uplink or a value ended as it did. Numbers stand in the journal."""

    NONE = 0
    # dead letters
    UNKNOWN_DEVICE = 1
    UNKNOWN_TOPIC = 2
    BAD_ENVELOPE = 3
    BAD_PAYLOAD = 4
    NOTHING_USABLE = 5
    TOO_LARGE = 6
    INTERNAL_ERROR = 7
    CODEC_ERROR = 10
    CODEC_LIMIT = 11
    CODEC_OFF = 12
    # duplicates
    SAME_SEQ = 20
    SAME_BYTES = 21
    RETAINED = 22
    # values
    RANGE = 40
    NOT_A_NUMBER = 41
    CLOCK = 42
    GEOMETRY = 45
    STUCK = 46
    JUMP = 47
    BLIND_ZONE = 48
    NO_ECHO = 49
    OBSTRUCTED = 50
    LID_OPEN = 51
    WARMING_UP = 52
    SATURATED = 53
    DRIFT = 54

    @property
    def word(self) -> str:
        """The name that users see: lower case."""
        return self.name.lower()


class Severity(IntEnum):
    """How bad. DEVICE is a class of its own and never mixes with the others."""

    NONE = 0
    DEVICE = 1
    WARNING = 2
    URGENT = 3
    DANGER = 4

    @property
    def word(self) -> str:
        """The name that users see: lower case."""
        return self.name.lower()


class Category(StrEnum):
    """What kind of work an alert asks for."""

    COLLECT = "collect"
    CLEAN = "clean"
    SAFETY = "safety"
    DEVICE = "device"
    SYSTEM = "system"


class Message(NamedTuple):
    """One MQTT PUBLISH as received. `flags`: header bits, see the constants."""

    topic: bytes
    payload: bytes
    flags: int


RETAIN = 0x01
QOS_BITS = 0x06
DUP = 0x08


class Batch(NamedTuple):
    """Messages in the order received, and the listener's own token for them."""

    messages: list[Message]
    token: Any = None


class UplinkSource(Protocol):
    """Where uplinks come from; the hub's loop knows no more than this."""

    def take_batch(self, limit: int, wait_s: float) -> Batch | None:
        """Take up to `limit` waiting messages; None after `wait_s` without any."""
        ...

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge a batch that is on disk. Called in the order taken."""
        ...

    def check(self) -> None:
        """Raise where the source has ended for good (TakenOver)."""
        ...

    @property
    def pending(self) -> int:
        """How many messages have arrived and are not yet acknowledged."""
        ...

    @property
    def drained(self) -> bool:
        """Whether it is connected, and what waited at the connect is acknowledged.

        Only then is a device silent that is not heard.
        """
        ...


class Field(msgspec.Struct, frozen=True, gc=False):
    """One value out of a frame, under the decoder's name for it.

    `measured_at` is set where the frame itself carries the time (history).
    `bits` is the width of a counter that wraps, 0 where it does not.
    """

    name: str
    value: float
    measured_at: int | None = None
    bits: int = 0


class Text(msgspec.Struct, frozen=True, gc=False):
    """A decoded value that is a word ("tilt"): a profile may say what it stands for."""

    name: str
    text: str
    measured_at: int | None = None


class Frame(msgspec.Struct, gc=False):
    """What a decoder read: fields, what it left out and why, what is broken.

    `answers` is set for a soundly decoded frame that carries no readings
    (configuration answers, join notices): stored, though nothing is read.
    """

    fields: list[Field] = []
    ignored: list[str] = []
    errors: list[str] = []
    answers: bool = False
    texts: list[Text] = []


class Envelope(msgspec.Struct, gc=False):
    """One uplink or event taken out of a network server's wrapping.

    `event` is None for an uplink, else join, ack, status, error, log, ...
    `payload` with `port` is for the profile's decoder; `fields` are values that
    came decoded, `texts` those that are words. `network_time` is when the network
    server received it, `measured_at` the device's own time. `link` holds rssi and snr
    of the best gateway; `gateways` are the ids of all, the loudest first. `content` is
    what doubles are known by, where that is neither the frame nor the values. `broken`
    says why this part of a message is unreadable. `session` changes as the device joins
    anew and counts `seq` from 0 again; empty where nobody says.
    """

    device: str
    event: str | None = None
    seq: int | None = None
    port: int = 0
    payload: bytes | None = None
    fields: list[Field] = []
    network_time: int | None = None
    link: dict[str, float] = {}
    ignored: list[str] = []
    texts: list[Text] = []
    measured_at: int | None = None
    content: bytes | None = None
    broken: str = ""
    gateways: tuple[str, ...] = ()
    session: str = ""


class EnvelopeError(ValueError):
    """The message is not what its topic filter promises; says what is wrong."""


class Reading(NamedTuple):
    """One value of one measurement of one device at one time, for the edges."""

    measured_at: int
    received_at: int
    device: str
    measurement: str
    value: float
    quality: Quality
    reason: Reason
