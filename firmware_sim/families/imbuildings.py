"""IMBuildings people counter: type 2, variant 6, big-endian; totals wrap at 16 bits."""

from struct import Struct

PORT = 1
BARE_PORT = 26  # without the header
_DATA = Struct(">BHHHBHHB").pack
_WORD = 0xFFFF


def people(
    volts: float, period: tuple[int, int], totals: tuple[int, int], number: int
) -> bytes:
    """Encode battery V, people in and out in the period and in total, uplink number."""
    a, b = totals
    hundredths = round(volts * 100)
    return _DATA(0, hundredths, *period, 0, a & _WORD, b & _WORD, number & 0xFF)


def with_header(eui: bytes, data: bytes) -> bytes:
    """Return `data` with the header of type, variant and device id (8 bytes)."""
    return b"\x02\x06" + eui + data
