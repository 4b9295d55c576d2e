"""Dingtek DF702 waste bin sensor, protocol LoRaWAN V2.8, big-endian, port 3."""

from struct import Struct

PORT = 3
WARMEST = 0x7F  # °C; how a temperature below zero is sent stands nowhere
_DATA = Struct(">5sHBBBBBBI").pack
_HEAD = b"\x80\x00\x01\x01\x11"
_END = 0x81


def df702(
    mm: int, celsius: int, tilt: int, alarms: tuple[bool, bool, bool, bool]
) -> bytes:
    """Distance mm, °C, angle °; (full, fire, tilted, low battery)."""
    full, fire, tilted, low = alarms
    warm = min(max(celsius, 0), WARMEST)
    high = full << 4 | fire
    return _DATA(_HEAD, mm, 0, warm, 0, tilt, high, tilted << 4 | low, _END)
