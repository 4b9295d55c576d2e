"""Dingtek DF702, ultrasonic bin sensor with fire and tilt alarm. Pure.

Layout: Dingtek "DF702 & DF703 Waste Bin Sensor Protocol LoRaWAN V2.8" and the vendor's
published decoder: 80 00, device type, kind of packet (3: parameters), length, then
the data on port 3; with a GPS position eight bytes stand before the temperature. How
a temperature below zero is sent stands nowhere.
"""

from collections.abc import Mapping
from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    fixed_layout,
    flags,
    reserved,
    skipped,
    value,
)
from sensorhub.model import Frame

_BELOW_ZERO: Final[Mapping[int, str]] = dict.fromkeys(
    range(0x80, 0x100), "below zero, the vendor does not say how far"
)
_LEVEL: Final = value(">H", "distance")
_REST: Final[tuple[FieldReader, ...]] = (
    value(">B", "temperature", words=_BELOW_ZERO),
    reserved(1),  # the sign of the angle: only its size is kept
    value(">B", "tilt"),
    flags(full_alarm=0xF0, fire_alarm=0x0F),
    flags(tilted=0xF0, low_battery=0x0F),
    reserved(4),  # counter of frames, end mark
)
_PLAIN: Final = fixed_layout(reserved(5), _LEVEL, reserved(1), *_REST)
_WITH_GPS: Final = fixed_layout(
    reserved(5), _LEVEL, reserved(1), skipped(8, "location: not kept"), *_REST
)
_PARAMETERS: Final = 3


def df702(frame: bytes, port: int) -> Frame:
    """Distance mm, temperature °C, tilt °, tilted, fire_alarm, full_alarm 0/1."""
    if port != 3:
        return Frame(errors=[f"unknown port {port}; 3 expected"])
    if len(frame) < 8 or frame[0] != 0x80:
        return Frame(errors=["no frame of the vendor's format"])
    if frame[3] == _PARAMETERS:
        return Frame(answers=True)
    return (_WITH_GPS if frame[7] else _PLAIN)(frame)
