"""Milesight WS201 (fill of dispensers), WS301 (door) and WS303 (leak). Pure.

Layout: Milesight WS201, WS301 and WS303 user guides, section "Device Payload".
"""

from typing import Final

from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    NO_DISTANCE,
    answers,
    read,
    types,
)
from sensorhub.decode.reads import flag, value
from sensorhub.model import Frame

_WS201: Final = {
    **answers(types({1: "1028", 2: "02031776", 6: "75", 9: "06"})),
    **JOINED,
    **BATTERY,
    b"\x03\x82": value("<H", "distance", words=NO_DISTANCE),
    b"\x04\xd6": value("<B", "remaining"),
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


def ws201(frame: bytes, port: int) -> Frame:
    """Battery %, distance mm, remaining % of what the dispenser holds."""
    return read(_WS201, frame)


def ws301(frame: bytes, port: int) -> Frame:
    """Battery %, lid_open, dismounted 0/1. Any port counts."""
    return read(_WS301, frame)


def ws303(frame: bytes, port: int) -> Frame:
    """Battery %, leak. Any port counts."""
    return read(_WS303, frame)
