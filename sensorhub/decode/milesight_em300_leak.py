"""Milesight EM300-SLD, -ZLD (spot, zone) and -MLD (membrane) leak sensors. Pure.

Layout: Milesight EM300-SLD/ZLD and EM300-MLD user guides, "Device Payload". For the
MLD the vendor's table says channel 06, its example and codec 05: both are read.
"""

from functools import partial
from typing import Final

from sensorhub.decode.field_readers import chain, flag, reserved, value
from sensorhub.decode.milesight_tlv import BATTERY, JOINED, answers, history, read

_ANSWERS: Final = answers(
    {
        0x02: 2,
        0x03: 2,
        0x06: 9,
        0x10: 1,
        0x27: 1,
        0x28: 1,
        0x68: 1,
        0x69: 1,
        0x6A: 3,
        0x6D: 1,
        0x79: 6,
        0xEA: 3,
    }
)
_TEMPERATURE: Final = value("<h", "temperature", 10)
_HUMIDITY: Final = value("<B", "humidity", 2)
_LEAK: Final = flag("leak")
_SLD: Final = {
    **_ANSWERS,
    **JOINED,
    **BATTERY,
    b"\x03\x67": _TEMPERATURE,
    b"\x04\x68": _HUMIDITY,
    b"\x05\x00": _LEAK,
    b"\x20\xce": history(chain(_TEMPERATURE, _HUMIDITY, _LEAK)),
}
_MLD: Final = {
    **_ANSWERS,
    **JOINED,
    **BATTERY,
    b"\x05\x00": _LEAK,
    b"\x06\x00": _LEAK,
    b"\x20\xce": history(chain(reserved(3), _LEAK)),
}

em300_sld: Final = partial(read, _SLD)
"""Battery %, temperature °C, humidity %, leak. Any port counts."""
em300_mld: Final = partial(read, _MLD)
"""Battery %, leak: the membrane has neither temperature nor humidity."""
