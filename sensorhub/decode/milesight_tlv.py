"""Milesight's payload: channel (1 byte), type (1 byte), data, little-endian. Pure.

The same channel and type mean different things on different models, so each model
brings its own table. Layout: Milesight user guides, section "Device Payload".
"""

from collections.abc import Callable, Mapping
from struct import Struct
from struct import error as TooShort  # noqa: N812
from types import MappingProxyType
from typing import Final

from sensorhub.model import Field, Frame

Read = Callable[[bytes, int, Frame], int]
"""Reads the data at an offset into the frame, answers the offset behind it."""
Table = Mapping[bytes, Read]
"""What follows each pair of channel and type of one model."""

NOTHING: Final[Mapping[int, str]] = MappingProxyType({})
# EM410-RDL's documented words for a distance; no Milesight sensor sees so far
NO_DISTANCE: Final = MappingProxyType(
    {0xFFFD: "no target", 0xFFFE: "switched off", 0xFFFF: "sensor fault"}
)
_U32: Final = Struct("<I")


class UnreadableError(ValueError):
    """The data cannot be read, and what follows it cannot be found."""


def read(table: Table, frame: bytes) -> Frame:
    """Everything up to the first thing that `table` does not know."""
    out = Frame()
    at, end = 0, len(frame)
    if not end:
        out.errors.append("empty frame")
    while at < end:
        channel = table.get(frame[at : at + 2])
        try:
            if channel is None:
                raise UnreadableError(f"unknown {_name(frame, at)}")
            at = channel(frame, at + 2, out)
        except (UnreadableError, TooShort) as error:
            cut = isinstance(error, TooShort)
            what = f"{_name(frame, at)} is cut short" if cut else str(error)
            out.errors.append(f"{what} at byte {at}, {_bytes(end - at)} not read")
            break
    return out


def _name(frame: bytes, at: int) -> str:
    if at + 1 < len(frame):
        return f"channel 0x{frame[at]:02x} type 0x{frame[at + 1]:02x}"
    return f"channel 0x{frame[at]:02x} without type"


def _bytes(n: int) -> str:
    return "1 byte" if n == 1 else f"{n} bytes"


def value(
    form: str,
    name: str,
    per: float = 1,
    words: Mapping[int, str] = NOTHING,
    bits: int = 0,
) -> Read:
    """One number, divided by `per`; `words` are values that say why there is none."""
    one = Struct("<" + form)
    unpack, size = one.unpack_from, one.size

    def take(frame: bytes, at: int, out: Frame) -> int:
        raw = unpack(frame, at)[0]
        if raw in words:
            out.ignored.append(f"{name}: {words[raw]}")
        else:
            out.fields.append(Field(name, raw / per, None, bits))
        return at + size

    return take


def flag(name: str) -> Read:
    """One byte, 0 or 1; anything else is said and left out."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        if at >= len(frame):
            raise TooShort
        raw = frame[at]
        if raw > 1:
            out.ignored.append(f"{name}: unknown state {raw}")
        else:
            out.fields.append(Field(name, float(raw)))
        return at + 1

    return take


def counter(name: str) -> Read:
    """A 16-bit counter that wraps at 65,536."""
    return value("H", name, bits=16)


def chain(*reads: Read) -> Read:
    """Several data one after the other; all or none."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        for one in reads:
            at = one(frame, at, part)
        out.fields += part.fields
        out.ignored += part.ignored
        return at

    return take


def answer(size: int) -> Read:
    """Configuration, version or join data: soundly skipped, no reading."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        if at + size > len(frame):
            raise TooShort
        out.answers = True
        return at + size

    return take


def aside(size: int, why: str) -> Read:
    """Data of known length that is not kept, and why."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        if at + size > len(frame):
            raise TooShort
        out.ignored.append(why)
        return at + size

    return take


def unused(size: int) -> Read:
    """Reserved bytes."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        if at + size > len(frame):
            raise TooShort
        return at + size

    return take


def history(record: Read) -> Read:
    """A stored record with its own time: u32 epoch seconds, then `record`."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        seconds = _U32.unpack_from(frame, at)[0]
        part = Frame()
        at = record(frame, at + 4, part)
        if seconds:
            when = 1000 * seconds
            out.fields += [Field(f.name, f.value, when, f.bits) for f in part.fields]
            out.ignored += part.ignored
        else:
            out.ignored.append("history: a record without time")
        return at

    return take


def answers(sizes: Mapping[int, int]) -> dict[bytes, Read]:
    """Replies to downlinks, on channels fe and ff: type and length of the data."""
    return {
        bytes((channel, kind)): answer(size)
        for channel in (0xFE, 0xFF)
        for kind, size in sizes.items()
    }


def told(sizes: Mapping[int, int]) -> dict[bytes, Read]:
    """Replies on channels f9 and f8; on f8 a byte with the result follows."""
    plain = {bytes((0xF9, kind)): answer(size) for kind, size in sizes.items()}
    return plain | {bytes((0xF8, k)): answer(size + 1) for k, size in sizes.items()}


# ff xx, sent at joining: protocol, serial number, hardware, firmware, power,
# LoRaWAN class, product revision, reset
JOINED: Final = answers(
    {
        0x01: 1,
        0x08: 6,
        0x09: 2,
        0x0A: 2,
        0x0B: 1,
        0x0F: 1,
        0x16: 8,
        0x1F: 4,
        0xFE: 1,
        0xFF: 2,
    }
)
BATTERY: Final[dict[bytes, Read]] = {b"\x01\x75": value("B", "battery")}
