"""Elsys ELT, EMS and ERS: type (1 byte), data, big-endian, on any port. Pure.

Layout: Elsys "Sensor payload" document and the vendor's published list of types. One
list serves all models. Occupancy 1 ("warm" or "entering") counts as occupied, like 2;
a leak is any value above 0.
"""

from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    TooShort,
    chain,
    in_bytes,
    skipped,
    value,
)
from sensorhub.model import Field, Frame


def _any(name: str, code: str) -> FieldReader:
    """Read a code, 0 for no and any other for yes, and the code itself."""
    one = value(">B", code)

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        at = one(frame, at, part)
        out.fields.append(Field(name, float(part.fields[0].value > 0)))
        out.fields += part.fields
        return at

    return read_field


_TYPES: Final[dict[int, FieldReader]] = {
    0x01: value(">h", "temperature", 10),
    0x02: value(">B", "humidity"),
    0x03: chain(*(value(">b", f"acceleration_{axis}") for axis in "xyz")),
    0x04: value(">H", "light"),
    0x05: value(">B", "motion"),
    0x06: value(">H", "co2"),
    0x07: value(">H", "battery_voltage", 1000),
    0x08: value(">H", "analog_1"),
    0x09: skipped(6, "location: not kept"),
    0x0A: value(">H", "pulses_1"),
    0x0B: value(">I", "pulses_1_total", bits=32),
    0x0C: value(">h", "external_temperature", 10),
    0x0D: value(">B", "digital_1"),
    0x0E: value(">H", "distance"),
    0x0F: value(">B", "acceleration_motion"),
    0x10: chain(value(">h", "ir_internal", 10), value(">h", "ir_external", 10)),
    0x11: _any("occupied", "occupancy_code"),
    0x12: _any("leak", "leak_code"),
    0x13: skipped(65, "heat picture: not kept"),
    0x14: value(">i", "pressure", 1000),
    0x15: chain(value(">B", "sound_peak"), value(">B", "sound_average")),
    0x16: value(">H", "pulses_2"),
    0x17: value(">I", "pulses_2_total", bits=32),
    0x18: value(">H", "analog_2"),
    0x19: value(">h", "external_temperature_2", 10),
    0x1A: value(">B", "digital_2"),
    0x1B: value(">i", "analog_uv"),
    0x1C: value(">H", "tvoc"),
    0x3D: skipped(4, "debug: not kept"),
}


def elsys(frame: bytes) -> Frame:
    """Temperature °C, humidity %, battery V, distance mm, leak, occupied and more."""
    out = Frame()
    at, end = 0, len(frame)
    if not end:
        out.errors.append("empty frame")
    while at < end:
        kind = frame[at]
        read = _TYPES.get(kind)
        what = f"unknown type 0x{kind:02x}"
        try:
            if read is not None:
                what = f"type 0x{kind:02x} is cut short"
                at = read(frame, at + 1, out)
                continue
        except TooShort:
            pass
        out.errors.append(f"{what} at byte {at}, {in_bytes(end - at)} not read")
        break
    return out
