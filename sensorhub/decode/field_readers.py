"""Small readers, one for each thing that stands in a frame, to build tables of. Pure.

A family is a table of them: by channel (Milesight, Elsys) or, for a frame of fixed
layout, one after the other (`row`). `form` is a struct format with its byte order, or
T behind the byte order for an unsigned number of three bytes, which struct lacks.
"""

import struct
from collections.abc import Callable, Mapping
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from sensorhub.model import Field, Frame

FieldReader = Callable[[bytes, int, Frame], int]
"""Reads the data at an offset into the frame, answers the offset behind it."""
FrameDecoder = Callable[[bytes], Frame]
"""Decodes a frame's bytes, alike on every LoRaWAN port."""
PortDecoder = Callable[[bytes, int], Frame]
"""Decodes a frame's bytes by its LoRaWAN port."""

TooShort = struct.error
"""The frame ends before what was to be read."""
NOTHING: Final[Mapping[int, str]] = MappingProxyType({})


class UnreadableError(ValueError):
    """The data cannot be read, and what follows it cannot be found."""


class Scale(NamedTuple):
    """What a raw number stands for: (raw + `plus`) * `times` / `per`."""

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
    """One number: its bits in `mask` (0: all), scaled; a plain `scale` is its `per`.

    `words` are values that say why there is none; `bits` is a counter's width.
    """
    unpack, size = _unpacker(form)
    shift = _shift(mask)
    per, plus, times = scale if isinstance(scale, Scale) else Scale(scale)

    def take(frame: bytes, at: int, out: Frame) -> int:
        raw = unpack(frame, at)[0]
        if mask:
            raw = (raw & mask) >> shift
        if raw in words:
            out.ignored.append(f"{name}: {words[raw]}")
        else:
            out.fields.append(Field(name, (raw + plus) * times / per, None, bits))
        return at + size

    return take


def _unpacker(form: str) -> tuple[Callable[[bytes, int], tuple[Any, ...]], int]:
    if form[1:] != "T":
        one = Struct(form)
        return one.unpack_from, one.size
    order: Literal["big", "little"] = "big" if form[0] == ">" else "little"

    def three(frame: bytes, at: int) -> tuple[int]:
        _need(frame, at, 3)
        return (int.from_bytes(frame[at : at + 3], order),)

    return three, 3


def _shift(mask: int) -> int:
    return (mask & -mask).bit_length() - 1 if mask else 0


def flag(name: str, words: Mapping[int, str] = NOTHING) -> FieldReader:
    """One byte, 0 or 1; anything else is said and left out."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        _need(frame, at, 1)
        raw = frame[at]
        if raw > 1:
            why = words.get(raw, f"unknown state {raw}")
            out.ignored.append(f"{name}: {why}")
        else:
            out.fields.append(Field(name, float(raw)))
        return at + 1

    return take


def flags(**masks: int) -> FieldReader:
    """Several of yes or no in one byte: yes where any bit of the mask is set."""
    each = tuple(masks.items())

    def take(frame: bytes, at: int, out: Frame) -> int:
        _need(frame, at, 1)
        raw = frame[at]
        out.fields += [Field(name, float(bool(raw & mask))) for name, mask in each]
        return at + 1

    return take


def counter(name: str, form: str = "<H") -> FieldReader:
    """A counter that wraps at the width of its form."""
    return value(form, name, bits=8 * Struct(form).size)


def chain(*reads: FieldReader) -> FieldReader:
    """Several data one after the other; all or none."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        for one in reads:
            at = one(frame, at, part)
        out.fields += part.fields
        out.ignored += part.ignored
        return at

    return take


def also(read: FieldReader) -> FieldReader:
    """What stands here too: `read`, and the next one begins at the same byte."""

    def take(frame: bytes, at: int, out: Frame) -> int:
        read(frame, at, out)
        return at

    return take


def answer(size: int) -> FieldReader:
    """Configuration, version or join data: soundly skipped, no reading."""
    return _skip(size, answers=True)


def aside(size: int, why: str) -> FieldReader:
    """Data of known length that is not kept, and why."""
    return _skip(size, why)


def unused(size: int) -> FieldReader:
    """Reserved bytes."""
    return _skip(size)


def _skip(size: int, why: str = "", *, answers: bool = False) -> FieldReader:
    def take(frame: bytes, at: int, out: Frame) -> int:
        _need(frame, at, size)
        if why:
            out.ignored.append(why)
        if answers:
            out.answers = True
        return at + size

    return take


def _need(frame: bytes, at: int, size: int) -> None:
    if at + size > len(frame):
        raise TooShort


def dated(part: Frame, seconds: int, out: Frame) -> None:
    """Give what a stored record holds the record's own time, epoch s, and add it."""
    if seconds:
        when = 1000 * seconds
        out.fields += [Field(f.name, f.value, when, f.bits) for f in part.fields]
        out.ignored += part.ignored
    else:
        out.ignored.append("history: a record without time")


def row(*reads: FieldReader, at: int = 0) -> FrameDecoder:
    """A frame of fixed layout from offset `at` to its end.

    A cut frame gives what stood before the cut; a cut and bytes too many are errors.
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
    """A decoder whose layouts go by port; any other port is an error.

    On the port `answers` come answers to configuration, without readings.
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
    """A number of bytes in words."""
    return "1 byte" if n == 1 else f"{n} bytes"
