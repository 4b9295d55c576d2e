"""Browan Tabs TBDW100, TBMS100, TBPB100, TBWL100, TBHV110 and MerryIoT DW10. Pure.

Layout: Browan reference manuals of the models, section "Payload" (little-endian; the
lower four bits of the battery byte, 2.5 V upwards; board temperature in 7 bits from
-32 °C); answers to configuration come on port 204. TBWL100's first firmware ends
after the humidity: then the board's temperature is the only one.
"""

from typing import Final

from sensorhub.decode.field_readers import (
    FrameDecoder,
    PortDecoder,
    Scale,
    by_port,
    fixed_layout,
    flags,
    value,
)
from sensorhub.model import Frame

_BATTERY: Final = value("<B", "battery_voltage", Scale(10, plus=25), mask=0x0F)
_BOARD: Final = value("<B", "board_temperature", Scale(plus=-32), mask=0x7F)
_TEMPERATURE: Final = value("<B", "temperature", Scale(plus=-32), mask=0x7F)
_HUMIDITY: Final = value("<B", "humidity", mask=0x7F)
_SINCE: Final = value("<H", "minutes_since")
_EVENTS: Final = value("<T", "events", bits=24)
_REST: Final = (_BATTERY, _BOARD, _SINCE, _EVENTS)
_LEAK: Final = flags(leak=0x01, temperature_changed=0x20, humidity_changed=0x40)
_LEAK_OLD: Final = fixed_layout(_LEAK, _BATTERY, _TEMPERATURE, _HUMIDITY)
_LEAK_NEW: Final = fixed_layout(_LEAK, _BATTERY, _BOARD, _HUMIDITY, _TEMPERATURE)
_DOOR: Final = flags(lid_open=0x01, button=0x02, tamper=0x04, moved=0x08)
_DOOR_BATTERY: Final = value("<B", "battery_voltage", Scale(10, plus=21))
_DOOR_OLD: Final = fixed_layout(
    _DOOR, _DOOR_BATTERY, value("<b", "temperature"), _HUMIDITY, _SINCE, _EVENTS
)
_DOOR_NEW: Final = fixed_layout(
    _DOOR, _DOOR_BATTERY, value("<h", "temperature", 10), _HUMIDITY, _SINCE, _EVENTS
)


_OLD_LEAK, _OLD_DOOR = 4, 9  # bytes


def _leak(frame: bytes) -> Frame:
    return _LEAK_OLD(frame) if len(frame) == _OLD_LEAK else _LEAK_NEW(frame)


def _open_close(frame: bytes) -> Frame:
    return _DOOR_OLD(frame) if len(frame) == _OLD_DOOR else _DOOR_NEW(frame)


def _with_answers(port: int, read: FrameDecoder) -> PortDecoder:
    return by_port({port: read}, answers=204)


tbdw100 = _with_answers(100, fixed_layout(flags(lid_open=0x01), *_REST))
"""Door: battery V, board_temperature °C, lid_open, events."""
tbms100 = _with_answers(102, fixed_layout(flags(occupied=0x01), *_REST))
"""Motion: battery V, board_temperature °C, occupied, events."""
tbpb100 = _with_answers(147, fixed_layout(flags(button=0x01), *_REST))
"""Button: battery V, board_temperature °C, button, events."""
tbwl100 = _with_answers(106, _leak)
"""Leak: battery V, temperature °C, humidity %, leak."""
tbhv110 = _with_answers(
    103,
    fixed_layout(
        flags(status=0x01, climate_changed=0x10, iaq_changed=0x20),
        _BATTERY,
        _BOARD,
        _HUMIDITY,
        value("<H", "eco2"),
        value("<H", "tvoc"),
        value("<H", "iaq"),
        _TEMPERATURE,
    ),
)
"""Air: battery V, temperature °C, humidity %, eco2, tvoc, iaq."""
dw10 = _with_answers(120, _open_close)
"""MerryIoT door: battery V, temperature °C, humidity %, lid_open, tamper, moved."""
