"""Browan Tabs: state, battery from 2.5 V, board from -32 °C, little-endian."""

from struct import Struct

DOOR_PORT, MOTION_PORT, LEAK_PORT = 100, 102, 106
_SINCE = Struct("<BBBH").pack


def _volts(volts: float) -> int:
    return min(max(round(volts * 10) - 25, 0), 15)


def _celsius(celsius: float) -> int:
    return min(max(round(celsius) + 32, 0), 0x7F)


def _state(on: bool, volts: float, celsius: float, minutes: int, events: int) -> bytes:
    head = _SINCE(on, _volts(volts), _celsius(celsius), minutes)
    return head + (events & 0xFF_FFFF).to_bytes(3, "little")


def tbdw100(
    volts: float, celsius: float, minutes: int, events: int, *, is_open: bool
) -> bytes:
    """Encode a door: battery V, board °C, minutes since the last event, events."""
    return _state(is_open, volts, celsius, minutes, events)


def tbms100(
    volts: float, celsius: float, minutes: int, events: int, *, occupied: bool
) -> bytes:
    """Encode motion: battery V, board °C, minutes since the last event, events."""
    return _state(occupied, volts, celsius, minutes, events)


def tbwl100(volts: float, celsius: float, humidity: int, *, leak: bool) -> bytes:
    """Encode a leak: battery V, °C (of board and surface), humidity %."""
    warm = _celsius(celsius)
    return bytes((leak, _volts(volts), warm, humidity & 0x7F, warm))
