"""Dragino: fixed layouts, big-endian.

Written from the user manuals of LDDS75, DDS75-LB (port 2; stored uplinks on port 3),
LDS02 and LWL02 (port 10). Old firmware reports 327.6 °C without a probe.
"""

from struct import Struct

PORT, STORED_PORT, CONTACT_PORT = 2, 3, 10
NO_PROBE = 0x0CCC
OLD = 5  # payload bytes of LDDS75 before 1.1.4
NO_ECHO_MM = 20  # instead of a distance
_DISTANCE = Struct(">HHBhB").pack
_STORED = Struct(">HHhBI").pack
_MV = 0x3FFF
_DOOR_OPEN, _LEAK = 0x8000, 0x4000
_DOOR_MODE, _LEAK_MODE = 1, 2


def dds75(mv: int, mm: int, tenths: int = NO_PROBE, *, found: bool = True) -> bytes:
    """Encode LDDS75, DDS75-LB: battery mV, distance mm, probe °C/10, sensor found."""
    return _DISTANCE(mv & _MV, mm, 0, tenths, found)


def dds75_stored(epoch_s: int, mv: int, mm: int, tenths: int = NO_PROBE) -> bytes:
    """Encode one stored uplink of LDDS75 with its time (port 3)."""
    return _STORED(mv & _MV, mm, tenths, 0, epoch_s)


def lds02(mv: int, opened: int, minutes: int, *, is_open: bool) -> bytes:
    """Encode LDS02 door: battery mV, number of openings, minutes of the last one."""
    state = (mv & _MV) | (_DOOR_OPEN if is_open else 0)
    return _contact(state, _DOOR_MODE, opened, minutes)


def lwl02(mv: int, leaks: int, minutes: int, *, leak: bool) -> bytes:
    """Encode LWL02 leak: battery mV, number of leaks, minutes of the last one."""
    state = (mv & _MV) | (_LEAK if leak else 0)
    return _contact(state, _LEAK_MODE, leaks, minutes)


def _contact(state: int, mode: int, times: int, minutes: int) -> bytes:
    counts = (times & 0xFF_FFFF).to_bytes(3, "big") + minutes.to_bytes(3, "big")
    return state.to_bytes(2, "big") + bytes((mode,)) + counts + b"\x00"
