"""Milesight: channel, type, data, little-endian, port 85; totals are 16 bits wide.

Written from the vendor's user guides of WS201, VS121, VS133, VS330, VS340, VS350 and
EM300-SLD, section "Device Payload". History (20 CE) has times in epoch seconds.
"""

from struct import Struct

PORT = 85
NO_TARGET = 0xFFFD  # error code instead of a distance
POLARIZING, BROKEN = 0xFFFE, 0xFFFF  # error codes instead of a gas
_U16 = Struct("<H").pack
_TOTALS = Struct("<2sHH").pack
_LINE = Struct("<2sI2sI").pack
_CLIMATE = Struct("<2sIhBB").pack
_PASSED = Struct("<2sIBHHHH").pack
_WORD = 0xFFFF


def battery(percent: int) -> bytes:
    """Encode battery % of any model."""
    return bytes((0x01, 0x75, percent))


def joined(serial: bytes, firmware: tuple[int, int]) -> bytes:
    """Encode the report after a join: version, serial (8 bytes), firmware, class A."""
    head = b"\xff\x01\x01\xff\x16" + serial
    return head + b"\xff\x0a" + bytes(firmware) + b"\xff\x0f\x00\xff\x0b\xff"


def ws201(percent: int, mm: int, remaining: int) -> bytes:
    """Encode WS201 paper: battery %, distance mm, remaining paper %."""
    return battery(percent) + b"\x03\x82" + _U16(mm) + bytes((0x04, 0xD6, remaining))


def vs330(percent: int, mm: int, *, occupied: bool) -> bytes:
    """Encode VS330 cubicle: battery %, distance mm, occupied; calibrated."""
    distance = b"\x02\x82" + _U16(mm)
    return battery(percent) + distance + bytes((0x03, 0x8E, occupied)) + b"\x04\x8e\x01"


def vs340(percent: int, *, occupied: bool) -> bytes:
    """Encode VS340 and VS341 seat or desk: battery %, occupied."""
    return battery(percent) + bytes((0x03, 0x00, occupied))


def vs121(people: int, totals: tuple[int, int]) -> bytes:
    """Encode VS121: people in the room now, totals in and out."""
    came, went = totals
    now = bytes((0x04, 0xC9, people, 0, 0, 0))
    return now + _TOTALS(b"\x0d\xcc", came & _WORD, went & _WORD)


def vs133(totals: tuple[int, int], period: tuple[int, int]) -> bytes:
    """Encode VS133, first line: totals (32 bits) and the last period, in and out."""
    came, went = totals
    line = _LINE(b"\x03\xd2", came & 0xFFFF_FFFF, b"\x04\xd2", went & 0xFFFF_FFFF)
    return line + _TOTALS(b"\x05\xcc", *period)


def vs350_history(
    epoch_s: int, period: tuple[int, int], totals: tuple[int, int]
) -> bytes:
    """Encode a stored record of VS350: people in and out of a period and in total."""
    came, went = totals
    return _PASSED(b"\x20\xce", epoch_s, 1, *period, came & _WORD, went & _WORD)


def em300_history(
    epoch_s: int, celsius: float, humidity: float, *, leak: bool
) -> bytes:
    """Encode a stored record of EM300-SLD: temperature °C, humidity %, leak."""
    tenths, halves = round(celsius * 10), round(humidity * 2)
    return _CLIMATE(b"\x20\xce", epoch_s, tenths, halves, leak)
