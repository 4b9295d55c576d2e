"""Milesight GS301, odour in toilets. Pure.

Layout and sentinels: Milesight GS301 user guide, section "Device Payload". After
power-on the cells polarize and send no value; firmware 1.2 moved H2S to channel 06
with a finer step.
"""

from functools import partial
from types import MappingProxyType
from typing import Final

from sensorhub.decode.field_readers import answer, skipped, value
from sensorhub.decode.milesight_tlv import BATTERY, JOINED, answers, read

_NO_GAS: Final = MappingProxyType({0xFFFE: "warming up", 0xFFFF: "sensor fault"})
_TABLE: Final = {
    **answers(
        {
            0x03: 2,
            0x06: 9,
            0x10: 1,
            0x2F: 1,
            0x3E: 1,
            0x66: 2,
            0x7C: 43,
            0x7D: 1,
            0x8D: 6,
        }
    ),
    **JOINED,
    **BATTERY,
    b"\x02\x67": value("<h", "temperature", 10),
    b"\x03\x68": value("<B", "humidity", 2),
    b"\x04\x7d": value("<H", "nh3", 100, words=_NO_GAS),
    b"\x05\x7d": value("<H", "h2s", 100, words=_NO_GAS),
    b"\x06\x7d": value("<H", "h2s", 1000, words=_NO_GAS),
    b"\x07\xea": answer(5),  # result of a calibration
    b"\x18\x7d": skipped(2, "tvoc: the vendor gives no scale, not kept"),
    b"\x37\x7d": skipped(2, "nox: the vendor gives no scale, not kept"),
}

gs301: Final = partial(read, _TABLE)
"""Battery %, temperature °C, humidity %, nh3 and h2s ppm. Any port counts."""
