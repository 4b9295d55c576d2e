"""Decentlab DL-MBX, ultrasonic: version 2, id, blocks by flag, big-endian, port 1."""

from struct import Struct

PORT = 1
_ALL = Struct(">BHHHHH").pack
_BATTERY_ONLY = Struct(">BHHH").pack


def dl_mbx(number: int, mm: int, samples: int, mv: int) -> bytes:
    """Encode device id, distance mm, number of valid samples, battery mV."""
    return _ALL(2, number, 3, mm, samples, mv)


def dl_mbx_battery(number: int, mv: int) -> bytes:
    """Encode device id and battery mV alone: no echo was measured."""
    return _BATTERY_ONLY(2, number, 2, mv)
