"""IMBuildings people counter: type 2, variant 6, big-endian; totals wrap at 16 bits."""

from struct import Struct

PORT = 1
BARE_PORT = 26  # where the header is switched off
_DATA = Struct(">BHHHBHHB").pack
_WORD = 0xFFFF


def people(
    volts: float, period: tuple[int, int], totals: tuple[int, int], number: int
) -> bytes:
    """Battery V, passed either way in the period and in all, number of the uplink."""
    a, b = totals
    hundredths = round(volts * 100)
    return _DATA(0, hundredths, *period, 0, a & _WORD, b & _WORD, number & 0xFF)


def with_header(eui: bytes, data: bytes) -> bytes:
    """The same with type, variant and device id (8 bytes) before it."""
    return b"\x02\x06" + eui + data
