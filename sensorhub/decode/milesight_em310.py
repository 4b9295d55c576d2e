"""Milesight EM310-UDL, ultrasonic distance. Pure.

Layout: Milesight EM310-UDL user guide, section "Device Payload".
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import flag, value
from sensorhub.decode.milesight_tlv import BATTERY, JOINED, NO_DISTANCE, answers, read

_TABLE: Final = {
    **answers({0x02: 2, 0x03: 2, 0x06: 9, 0x10: 1}),
    **JOINED,
    **BATTERY,
    b"\x03\x82": value("<H", "distance", words=NO_DISTANCE),
    b"\x04\x00": flag("tilted"),
}

em310_udl: Final = partial(read, _TABLE)
"""Battery %, distance mm, tilted. The port can be configured: any counts."""
