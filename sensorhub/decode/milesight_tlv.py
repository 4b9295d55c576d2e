"""Milesight's payload: channel (1 byte), type (1 byte), data, little-endian. Pure.

The same channel and type mean different things on different models, so each model
brings its own table. Layout: Milesight user guides, section "Device Payload".
"""

from collections.abc import Mapping
from struct import Struct
from types import MappingProxyType
from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    TooShort,
    UnreadableError,
    add_record,
    answer,
    in_bytes,
    value,
)
from sensorhub.model import Field, Frame

Table = Mapping[bytes, FieldReader]
"""The reader for each pair of channel and type of one model."""

# documented for EM410-RDL, fffd for EM400-MUD too; no other Milesight measures that far
NO_DISTANCE: Final = MappingProxyType(
    {0xFFFD: "no target", 0xFFFE: "switched off", 0xFFFF: "sensor fault"}
)
REPORTED_AT: Final = "reported_at"
SINCE_2020: Final = 1_577_836_800  # epoch s; an earlier clock was never set
_U32: Final = Struct("<I")


def read(table: Table, frame: bytes) -> Frame:
    """Decode the frame up to the first channel and type that `table` does not know."""
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
            out.errors.append(f"{what} at byte {at}, {in_bytes(end - at)} not read")
            break
    return out


def read_dated(table: Table, frame: bytes) -> Frame:
    """Decode like `read`; fields without a time get the report's (REPORTED_AT)."""
    out = read(table, frame)
    reported = [f.value for f in out.fields if f.name == REPORTED_AT]
    if not reported:
        return out
    rest = [f for f in out.fields if f.name != REPORTED_AT]
    if reported[0] >= SINCE_2020:
        when = int(reported[0]) * 1000
        rest = [Field(f.name, f.value, f.measured_at or when, f.bits) for f in rest]
    else:
        out.ignored.append(f"{REPORTED_AT}: the device's clock is not set")
    out.fields = rest
    return out


def _name(frame: bytes, at: int) -> str:
    if at + 1 < len(frame):
        return f"channel 0x{frame[at]:02x} type 0x{frame[at + 1]:02x}"
    return f"channel 0x{frame[at]:02x} without type"


def history(record: FieldReader) -> FieldReader:
    """Read a stored record with its own time: u32 epoch seconds, then `record`."""

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        seconds = _U32.unpack_from(frame, at)[0]
        part = Frame()
        at = record(frame, at + 4, part)
        add_record(part, seconds, out)
        return at

    return read_field


def types(of_length: Mapping[int, str]) -> dict[int, int]:
    """Return the length by type, from the types (hex) of each length."""
    return {
        kind: length
        for length, kinds in of_length.items()
        for kind in bytes.fromhex(kinds)
    }


def answers(sizes: Mapping[int, int]) -> dict[bytes, FieldReader]:
    """Return readers of answers on channels fe and ff, by type; `sizes` in bytes."""
    return {
        bytes((channel, kind)): answer(size)
        for channel in (0xFE, 0xFF)
        for kind, size in sizes.items()
    }


def extended_answers(sizes: Mapping[int, int]) -> dict[bytes, FieldReader]:
    """Return readers of answers on channels f9 and f8; f8 appends a result byte."""
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
BATTERY: Final[dict[bytes, FieldReader]] = {b"\x01\x75": value("<B", "battery")}
