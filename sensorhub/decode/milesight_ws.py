"""Milesight WS: 201 fill of dispensers, 202 and 203 motion, 301 door, 303 leak. Pure.

Layout: Milesight WS201, WS202, WS203, WS301 and WS303 user guides, section "Device
Payload".
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import chain, flag, value
from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    NO_DISTANCE,
    answers,
    history,
    read,
    types,
)

_WS201: Final = {
    **answers(types({1: "1028", 2: "02031776", 6: "75", 9: "06"})),
    **JOINED,
    **BATTERY,
    b"\x03\x82": value("<H", "distance", words=NO_DISTANCE),
    b"\x04\xd6": value("<B", "remaining"),
}
_OCCUPIED: Final = flag("occupied")
_WS202: Final = {
    **answers(types({1: "1028", 2: "03"})),
    **JOINED,
    **BATTERY,
    b"\x03\x00": _OCCUPIED,
    b"\x04\x00": flag("bright"),
}
_TEMPERATURE: Final = value("<h", "temperature", 10)
_HUMIDITY: Final = value("<B", "humidity", 2)
_WS203: Final = {
    **answers(
        types({1: "1027282f4a686984", 2: "021795", 3: "6a8e", 8: "3596", 9: "06"})
    ),
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    b"\x04\x68": _HUMIDITY,
    b"\x05\x00": _OCCUPIED,
    b"\x20\xce": history(
        chain(value("<B", "report_type"), _OCCUPIED, _TEMPERATURE, _HUMIDITY)
    ),
    b"\x83\x67": chain(_TEMPERATURE, value("<B", "temperature_alarm")),
}
_WS301: Final = {
    **answers(types({1: "1028", 2: "03"})),
    **JOINED,
    **BATTERY,
    b"\x03\x00": flag("lid_open"),
    b"\x04\x00": flag("dismounted"),
}
_WS303: Final = {
    **answers(types({1: "1028", 2: "03"})),
    **JOINED,
    **BATTERY,
    b"\x03\x00": flag("leak"),
}

ws201: Final = partial(read, _WS201)
"""Battery %, distance mm, remaining % of what the dispenser holds."""
ws202: Final = partial(read, _WS202)
"""Battery %, occupied (motion) and bright 0/1. Any port counts."""
ws203: Final = partial(read, _WS203)
"""Battery %, occupied (motion), temperature °C, humidity %. Any port counts."""
ws301: Final = partial(read, _WS301)
"""Battery %, lid_open, dismounted 0/1. Any port counts."""
ws303: Final = partial(read, _WS303)
"""Battery %, leak. Any port counts."""
