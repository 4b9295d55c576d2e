"""Milesight VS330 (cubicle), VS340 and VS341 (seat): occupied or not. Pure.

Layout: Milesight VS330 user guide (first firmware: one distance, calibration; later:
four distances, what it learned about the room) and VS340/VS341 documentation, "Uplink
Packets". For the ambient counts (06 a6) the vendor's table says one byte, its example
holds four: four are read.
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
    read,
    types,
)

_NOT_YET: Final = MappingProxyType({2: "still learning the room", 3: "sensor fault"})
_ANSWERS: Final = answers(
    types({1: "10282f84", 2: "0395", 3: "8e", 8: "3596", 9: "06"})
)
_VS330: Final = {
    **_ANSWERS,
    **JOINED,
    **BATTERY,
    b"\x02\x82": value("<H", "distance", words=NO_DISTANCE),
    b"\x02\xa5": chain(
        *(value("<H", f"distance_{n}", words=NO_DISTANCE) for n in (1, 2, 3, 4))
    ),
    b"\x03\x8e": flag("occupied", _NOT_YET),
    b"\x04\x8e": value("<B", "calibrated"),
    b"\x04\xa8": value("<B", "learn_status_1"),
    b"\x06\xa6": value("<I", "ambient_counts"),
    b"\x07\xa7": value("<B", "similarity"),
    b"\x08\xa8": value("<B", "learn_status_2"),
}
_VS340: Final = {
    **_ANSWERS,
    **JOINED,
    **BATTERY,
    b"\x03\x00": flag("occupied"),
}

vs330: Final = partial(read, _VS330)
"""Battery %, occupied 0/1, distance mm. Any port counts."""
vs340: Final = partial(read, _VS340)
"""Battery %, occupied 0/1. Any port counts."""
