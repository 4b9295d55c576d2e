"""Decentlab DL-MBX (ultrasonic) and DL-LID (laser) distance. Pure.

Layout: Decentlab DL-MBX and DL-LID user manuals, "Payload format": protocol version
2, device id, flags that say which blocks follow (bit 0 sensor, bit 1 battery), words
of 16 bits, big-endian. Any port counts.
"""

from typing import Final

from sensorhub.decode.field_readers import FieldReader, TooShort, chain, in_bytes, value
from sensorhub.model import Frame

VERSION: Final = 2
_HEAD: Final = 5
_BATTERY: Final = value(">H", "battery_voltage", 1000)
_DISTANCE: Final = value(">H", "distance")
_SAMPLES: Final = value(">H", "valid_samples")


def _echo(frame: bytes, at: int, out: Frame) -> int:
    """Distance, and of how many samples; of none it is no distance."""
    part = Frame()
    at = chain(_DISTANCE, _SAMPLES)(frame, at, part)
    if not part.fields[-1].value:
        out.ignored.append("distance: no valid sample")
        del part.fields[0]
    out.fields += part.fields
    return at


_LASER: Final = chain(
    *(
        value(">H", f"distance_{what}")
        for what in ("average", "minimum", "maximum", "median")
    ),
    *(value(">H", f"distance_percentile_{n}") for n in (10, 25, 75, 90)),
    value(">H", "distance_most_frequent"),
    value(">H", "samples"),
    value(">H", "acquisition_ms", 1.024),
)


def _decode(frame: bytes, blocks: tuple[FieldReader, ...]) -> Frame:
    out = Frame()
    if frame[:1] != bytes((VERSION,)) or len(frame) < _HEAD:
        out.errors.append(f"no frame of protocol version {VERSION}")
        return out
    flags, at = int.from_bytes(frame[3:5], "big"), _HEAD
    try:
        for bit, block in enumerate(blocks):
            if flags >> bit & 1:
                at = block(frame, at, out)
    except TooShort:
        out.errors.append(f"frame of {len(frame)} bytes is cut short at byte {at}")
        return out
    if flags >> len(blocks):
        out.errors.append(f"unknown blocks in flags 0x{flags:04x}")
    elif at < len(frame):
        out.errors.append(f"{in_bytes(len(frame) - at)} too many at byte {at}")
    out.answers = not (out.fields or out.ignored or out.errors)
    return out


def mbx(frame: bytes) -> Frame:
    """Battery V, distance mm, valid_samples."""
    return _decode(frame, (_echo, _BATTERY))


def lid(frame: bytes) -> Frame:
    """Battery V, distance_average mm and eight further measures of the same echo."""
    return _decode(frame, (_LASER, _BATTERY))
