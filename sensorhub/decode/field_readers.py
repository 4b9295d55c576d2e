"""Field readers, from which decoders build their tables of a frame. Pure.

A family is a table of readers: by channel (Milesight, Elsys) or, for a frame of fixed
layout, in order (`fixed_layout`). `form` is a struct format with its byte order, or
T behind the byte order for an unsigned number of three bytes, which struct lacks.
"""

import struct
from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from sensorhub.model import Field, Frame

FieldReader = Callable[[bytes, int, Frame], int]
"""Reads the data at an offset into the frame, returns the offset after it."""
FrameDecoder = Callable[[bytes], Frame]
"""Decodes a frame's bytes, the same on every LoRaWAN port."""
PortDecoder = Callable[[bytes, int], Frame]
"""Decodes a frame's bytes by its LoRaWAN port."""

TooShort = struct.error
"""The frame ends before the data to read."""
NOTHING: Final[Mapping[int, str]] = MappingProxyType({})


class UnreadableError(ValueError):
    """The data cannot be read, and the offset of the next data is unknown."""


class Scale(NamedTuple):
    """Scaling of a raw number: (raw + `plus`) * `times` / `per`."""

    per: float = 1
    plus: int = 0
    times: int = 1


def value(
    form: str,
    name: str,
    scale: float | Scale = 1,
    *,
    words: Mapping[int, str] = NOTHING,
    bits: int = 0,
    mask: int = 0,
) -> FieldReader:
    """Read a number: the bits in `mask` (0: all), scaled; a plain `scale` is `per`.

    `words` are raw values that mean no value, and the reason; `bits` is the width of a
    counter.
    """
    unpack, size = _unpacker(form)
    shift = _shift(mask)
    per, plus, times = scale if isinstance(scale, Scale) else Scale(scale)

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        raw = unpack(frame, at)[0]
        if mask:
            raw = (raw & mask) >> shift
        if raw in words:
            out.ignored.append(f"{name}: {words[raw]}")
        else:
            out.fields.append(Field(name, (raw + plus) * times / per, None, bits))
        return at + size

    return read_field


def _unpacker(form: str) -> tuple[Callable[[bytes, int], tuple[Any, ...]], int]:
    if form[1:] != "T":
        one = Struct(form)
        return one.unpack_from, one.size
    order: Literal["big", "little"] = "big" if form[0] == ">" else "little"

    def unpack_u24(frame: bytes, at: int) -> tuple[int]:
        _require(frame, at, 3)
        return (int.from_bytes(frame[at : at + 3], order),)

    return unpack_u24, 3


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1 if mask else 0


def flag(name: str, words: Mapping[int, str] = NOTHING) -> FieldReader:
    """Read one byte, 0 or 1; any other value is ignored with its reason."""

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        _require(frame, at, 1)
        raw = frame[at]
        if raw > 1:
            reason = words.get(raw, f"unknown state {raw}")
            out.ignored.append(f"{name}: {reason}")
        else:
            out.fields.append(Field(name, float(raw)))
        return at + 1

    return read_field


def flags(**masks: int) -> FieldReader:
    """Read several flags of one byte: 1 where any bit of the mask is set."""
    each = tuple(masks.items())

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        _require(frame, at, 1)
        raw = frame[at]
        out.fields += [Field(name, float(bool(raw & mask))) for name, mask in each]
        return at + 1

    return read_field


def counter(name: str, form: str = "<H") -> FieldReader:
    """Read a counter that wraps at the width of its form."""
    return value(form, name, bits=8 * Struct(form).size)


def chain(*reads: FieldReader) -> FieldReader:
    """Read several fields in order; all or none."""

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        for one in reads:
            at = one(frame, at, part)
        out.fields += part.fields
        out.ignored += part.ignored
        return at

    return read_field


def peek(read: FieldReader) -> FieldReader:
    """Read without advancing: the next reader starts at the same byte."""

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        read(frame, at, out)
        return at

    return read_field


def answer(size: int) -> FieldReader:
    """Skip configuration, version or join data: valid, but without a reading."""
    return _skip(size, answers=True)


def skipped(size: int, reason: str) -> FieldReader:
    """Skip data of known length; `reason` goes to `ignored`."""
    return _skip(size, reason)


def reserved(size: int) -> FieldReader:
    """Skip reserved bytes."""
    return _skip(size)


def _skip(size: int, reason: str = "", *, answers: bool = False) -> FieldReader:
    def read_field(frame: bytes, at: int, out: Frame) -> int:
        _require(frame, at, size)
        if reason:
            out.ignored.append(reason)
        if answers:
            out.answers = True
        return at + size

    return read_field


def _require(frame: bytes, at: int, size: int) -> None:
    if at + size > len(frame):
        raise TooShort


def add_record(part: Frame, seconds: int, out: Frame) -> None:
    """Add a stored record's fields with the record's own time (epoch s)."""
    if seconds:
        when = 1000 * seconds
        out.fields += [Field(f.name, f.value, when, f.bits) for f in part.fields]
        out.ignored += part.ignored
    else:
        out.ignored.append("history: a record without time")


def fixed_layout(*reads: FieldReader, at: int = 0) -> FrameDecoder:
    """Return the decoder of a frame of fixed layout from offset `at` to its end.

    A short frame gives the fields before its end; a frame that is too short or too long
    is an error.
    """

    def decode(frame: bytes) -> Frame:
        out = Frame()
        end = at
        for one in reads:
            try:
                end = one(frame, end, out)
            except TooShort:
                size = len(frame)
                out.errors.append(f"frame of {size} bytes is cut short at byte {end}")
                return out
        if end < len(frame):
            left = len(frame) - end
            out.errors.append(f"{in_bytes(left)} too many at byte {end}")
        return out

    return decode


def by_port(
    rows: Mapping[int, FrameDecoder], *, answers: int | None = None
) -> PortDecoder:
    """Return a decoder with a layout for each port; any other port is an error.

    The port `answers` carries answers to configuration, without readings.
    """
    ports = rows if answers is None else (*rows, answers)
    known = " or ".join(str(port) for port in ports)

    def decode(frame: bytes, port: int) -> Frame:
        read = rows.get(port)
        if read is not None:
            return read(frame)
        if port == answers:
            return Frame(answers=True)
        return Frame(errors=[f"unknown port {port}; {known} expected"])

    return decode


def in_bytes(n: int) -> str:
    """Return a number of bytes as text."""
    return "1 byte" if n == 1 else f"{n} bytes"
