"""Milesight EM400-MUD, -UDL and -TLD: distance, temperature, position. Pure.

Layout: Milesight EM400-MUD user guide, section 6.1.1 "Uplink Data". The guide calls
the distance signed, the vendor's codec unsigned; no bin is deeper than either.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import chain, flag, skipped, value
from sensorhub.decode.milesight_tlv import BATTERY, JOINED, NO_DISTANCE, answers, read

_DISTANCE: Final = value("<H", "distance", words=NO_DISTANCE)
_TEMPERATURE: Final = value("<h", "temperature", 10)
_TABLE: Final = {
    **answers(
        {
            0x02: 2,
            0x03: 2,
            0x06: 9,
            0x10: 1,
            0x13: 1,
            0x1C: 2,
            0x28: 1,
            0x3E: 1,
            0x4A: 1,
            0x56: 1,
            0x70: 2,
            0x71: 1,
            0x77: 2,
        }
    ),
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    b"\x04\x82": _DISTANCE,
    b"\x05\x00": flag("tilted"),
    b"\x06\x88": skipped(9, "location: only the NB-IoT version has it, not kept"),
    b"\x83\x67": chain(_TEMPERATURE, value("<B", "temperature_alarm")),
    b"\x84\x82": chain(_DISTANCE, value("<B", "distance_alarm")),
}

em400: Final = partial(read, _TABLE)
"""Battery %, temperature °C, distance mm, tilted. Any port counts."""
