"""Dragino LDS01, LDS02 (door) and LWL01, LWL02 (water leak). Pure.

Layout: Dragino wiki, LDS02 and LWL02 user manuals, "Uplink Payload" (port 10): two
state bits with 14 bits of battery, mode, times since power-on, last duration in
minutes, alarm of a state that lasts too long. Big-endian. The mode says what the
sensor watches: 1 door, 2 leak, 3 both.
"""

from collections.abc import Callable
from typing import Final

from sensorhub.decode.field_readers import (
    by_port,
    fixed_layout,
    flags,
    peek,
    reserved,
    value,
)
from sensorhub.model import Frame

_BATTERY: Final = value(">H", "battery_voltage", 1000, mask=0x3FFF)
_ALARM: Final = flags(alarm=0x01)
_BY_MODE: Final[dict[int, Callable[[bytes], Frame]]] = {
    1: fixed_layout(
        peek(flags(lid_open=0x80)),
        _BATTERY,
        reserved(1),
        value(">T", "open_count", bits=24),
        value(">T", "last_open_min"),
        _ALARM,
    ),
    2: fixed_layout(
        peek(flags(leak=0x40)),
        _BATTERY,
        reserved(1),
        value(">T", "leak_count", bits=24),
        value(">T", "last_leak_min"),
        _ALARM,
    ),
    3: fixed_layout(
        peek(flags(lid_open=0x80, leak=0x40)), _BATTERY, reserved(7), _ALARM
    ),
}


def _uplink(frame: bytes) -> Frame:
    if len(frame) < 3:
        return Frame(errors=[f"frame of {len(frame)} bytes, 10 expected"])
    read = _BY_MODE.get(frame[2])
    return read(frame) if read else Frame(errors=[f"unknown mode {frame[2]}"])


dragino_contact = by_port({10: _uplink})
"""Battery V, lid_open or leak 0/1, how often and how long."""
