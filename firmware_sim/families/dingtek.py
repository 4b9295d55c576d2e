"""Dingtek DF702 waste bin sensor, protocol LoRaWAN V2.8, big-endian, port 3."""

from struct import Struct
from typing import NamedTuple

PORT = 3
MAX_CELSIUS = 0x7F  # the encoding of temperatures below zero is not documented
_DATA = Struct(">5sHBBBBBBI").pack
_HEAD = b"\x80\x00\x01\x01\x11"
_END = 0x81


class Alarms(NamedTuple):
    """Alarm flags of a DF702."""

    full: bool = False
    fire: bool = False
    tilted: bool = False
    low_battery: bool = False


def df702(mm: int, celsius: int, tilt: int, alarms: Alarms) -> bytes:
    """Encode distance mm, °C, angle ° and alarms."""
    warm = min(max(celsius, 0), MAX_CELSIUS)
    high = alarms.full << 4 | alarms.fire
    low = alarms.tilted << 4 | alarms.low_battery
    return _DATA(_HEAD, mm, 0, warm, 0, tilt, high, low, _END)
