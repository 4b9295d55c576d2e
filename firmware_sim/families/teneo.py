"""Teneo filling degree sensor: laser distance in cm, big-endian, port 1."""

from struct import Struct

PORT = 1
NOTHING_IN_REACH = 4
_DATA = Struct(">BHB").pack


def level(volts: float, cm: int, state: int = 0) -> bytes:
    """Encode battery V (from 2.0 in tenths), distance cm, state (0: valid)."""
    return _DATA(round(volts * 10) - 20, cm, state)
