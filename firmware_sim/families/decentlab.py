"""Decentlab DL-MBX, ultrasonic: version 2, id, blocks by flag, big-endian, port 1."""

from struct import Struct

PORT = 1
_ALL = Struct(">BHHHHH").pack
_BATTERY_ONLY = Struct(">BHHH").pack


def dl_mbx(number: int, mm: int, samples: int, mv: int) -> bytes:
    """Device id, distance mm out of so many valid samples (0: none), battery mV."""
    return _ALL(2, number, 3, mm, samples, mv)


def dl_mbx_battery(number: int, mv: int) -> bytes:
    """Device id and battery mV alone: the echo was not measured."""
    return _BATTERY_ONLY(2, number, 2, mv)
