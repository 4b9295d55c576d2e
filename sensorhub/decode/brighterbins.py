"""BrighterBins (SmartEnds) bin sensor: packed bits, on any port. Pure.

Layout: the vendor's decoder as published in akenza's device library, and its vectors:
the last two bits say what it is. Fill level (0) and distance (1) have 3 bytes, system
(2) has 12; events, orientation and depth maps (3) have no vector and are not kept.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sensorhub.decode.field_readers import Scale, fixed_layout, peek, reserved, value
from sensorhub.model import Frame

_UNKNOWN: Final[Mapping[int, str]] = MappingProxyType({63: "unknown"})
_NO_FILL: Final[Mapping[int, str]] = MappingProxyType({127: "unknown"})
_NO_DISTANCE: Final[Mapping[int, str]] = MappingProxyType(
    {511: "sensor does not answer", 510: "sensor is set up wrongly"}
)
_BY_TYPE: Final = (
    fixed_layout(
        peek(value(">T", "battery", Scale(times=2), mask=0x3F_0000, words=_UNKNOWN)),
        peek(value(">T", "temperature", Scale(plus=-40), mask=0xFE00)),
        value(">T", "own_fill", mask=0x1FC, words=_NO_FILL),
    ),
    fixed_layout(
        peek(value(">T", "battery", Scale(times=2), mask=0xFC_0000, words=_UNKNOWN)),
        peek(value(">T", "temperature", Scale(plus=-40), mask=0x3_F800)),
        value(">T", "distance", Scale(times=10), mask=0x7FC, words=_NO_DISTANCE),
    ),
    fixed_layout(
        reserved(10),
        peek(value(">H", "battery", Scale(times=2), mask=0x7E00, words=_UNKNOWN)),
        value(">H", "battery_voltage", Scale(10, plus=22), mask=0x1E0),
    ),
)


def brighterbins(frame: bytes) -> Frame:
    """Battery %, temperature °C and either own_fill % or distance mm."""
    if not frame:
        return Frame(errors=["empty frame"])
    kind = frame[-1] & 3
    if kind < len(_BY_TYPE):
        return _BY_TYPE[kind](frame)
    return Frame(ignored=["event: no vector of this kind, not kept"])
