"""Milesight EM500-UDL, ultrasonic distance up to 10 m. Pure.

Layout: Milesight EM500-UDL user guide, section "Device Payload", and "EM500-UDL
Payload Structure V1.0". The alarm on a jump (83 e9) stands in the vendor's codec only,
divided by ten while the periodic report is in mm: it is read over.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import skipped, value
from sensorhub.decode.milesight_tlv import (
    BATTERY,
    JOINED,
    NO_DISTANCE,
    answers,
    history,
    read,
    types,
)

_DISTANCE: Final = value("<H", "distance", words=NO_DISTANCE)
_TABLE: Final = {
    **answers(
        types(
            {
                1: "1027283b4a686984f5",
                2: "0203171cf2",
                3: "6a",
                4: "11f1",
                8: "3596",
                9: "06",
            }
        )
    ),
    **JOINED,
    **BATTERY,
    b"\x03\x82": _DISTANCE,
    b"\x20\xce": history(_DISTANCE),
    b"\x83\xe9": skipped(5, "jump alarm: the vendor's unit is unclear, not kept"),
}

em500_udl: Final = partial(read, _TABLE)
"""Battery %, distance mm. Any port counts."""
