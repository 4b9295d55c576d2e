"""Enginko EGK-LW20W00 waste level, Data Frame Format Rev. 1.34, 1.14; port 2."""

from struct import Struct

PORT = 2
SENSOR_ERROR = 0xFFFF
_DATA = Struct("<BBIHHHBhB").pack
_LEVEL, _WITH_FILL = 0x14, 1


def level(clock: int, mm: int, fill: int, celsius: float, battery: int) -> bytes:
    """Encode raw clock, distance mm, the sensor's own fill %, °C, battery %."""
    warm = round(celsius * 100)
    return _DATA(_LEVEL, _WITH_FILL, clock, 0, 0, mm, fill, warm, battery)
