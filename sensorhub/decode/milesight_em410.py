"""Milesight EM410-RDL, radar distance. Pure.

Layout and sentinels: Milesight EM410-RDL user guide, section "Device Payload", as in
the vendor's public table (SensorDecoders, EM410-RDL, "Payload Definition").
"""

from functools import partial
from types import MappingProxyType
from typing import Final

from sensorhub.decode.field_readers import chain, flag, value
from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    NO_DISTANCE,
    answers,
    extended_answers,
    history,
    read,
    types,
)

_DISTANCE: Final = value("<H", "distance", words=NO_DISTANCE)
_ALARM: Final = value("<B", "distance_alarm")
_JUMP: Final = value("<h", "distance_jump")
_TEMPERATURE: Final = value("<h", "temperature", 10)
# in history only: a live 0xffff is -0.1 °C
_NO_TEMPERATURE: Final = MappingProxyType({-2: "switched off", -1: "sensor fault"})
_STORED: Final = chain(
    _DISTANCE,
    value("<h", "temperature", 10, words=_NO_TEMPERATURE),
    _JUMP,
    value("<B", "events"),
)
_TABLE: Final = {
    **answers(
        types(
            {1: "10283e4a68692a", 2: "1cbdf2", 3: "6a8eab", 5: "1b", 9: "06"},
        )
    ),
    **extended_answers(types({1: "121316", 2: "141539", 3: "0d"})),
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    b"\x04\x82": _DISTANCE,
    b"\x05\x00": flag("tilted"),
    b"\x06\xc7": value("<h", "radar_signal", 100),
    b"\x20\xce": history(_STORED),
    b"\x84\x82": chain(_DISTANCE, _ALARM),
    b"\x94\x82": chain(_DISTANCE, _JUMP, _ALARM),
    b"\xb4\x82": chain(_DISTANCE, value("<B", "distance_exception")),
}

em410_rdl: Final = partial(read, _TABLE)
"""Battery %, temperature °C, distance mm, tilted. Any port counts."""
