"""Milesight AM107 (air of a room) and EM320-TILT (three angles). Pure.

Layout: Milesight AM107 and EM320-TILT user guides, section "Device Payload". An angle's
lowest bit says that its threshold is passed, the others are hundredths of a degree.
"""

from functools import partial
from struct import Struct
from typing import Final

from sensorhub.decode.field_readers import chain, value
from sensorhub.decode.milesight_tlv import BATTERY, JOINED, answers, read, types
from sensorhub.model import Field, Frame

_ANGLES: Final = Struct("<hhh")
_AXES: Final = ("angle_x", "angle_y", "angle_z")


def _angles(frame: bytes, at: int, out: Frame) -> int:
    raw = _ANGLES.unpack_from(frame, at)
    out.fields.append(Field("tilted", float(any(angle & 1 for angle in raw))))
    for name, angle in zip(_AXES, raw, strict=True):
        out.fields.append(Field(name, (angle >> 1) / 100))
    return at + _ANGLES.size


_AM107: Final = {
    **answers(types({1: "1028", 2: "03"})),
    **JOINED,
    **BATTERY,
    b"\x03\x67": value("<h", "temperature", 10),
    b"\x04\x68": value("<B", "humidity", 2),
    b"\x05\x6a": value("<H", "activity"),
    b"\x06\x65": chain(
        value("<H", "illumination"),
        value("<H", "infrared_and_visible"),
        value("<H", "infrared"),
    ),
    b"\x07\x7d": value("<H", "co2"),
    b"\x08\x7d": value("<H", "tvoc"),
    b"\x09\x73": value("<H", "pressure", 10),
}
_EM320: Final = {
    **answers(types({1: "10284a62", 2: "03", 8: "63", 9: "06"})),
    **JOINED,
    **BATTERY,
    b"\x03\xd4": _angles,
}

am107: Final = partial(read, _AM107)
"""Battery %, temperature °C, humidity %, activity, light, co2. Any port counts."""
em320_tilt: Final = partial(read, _EM320)
"""Battery %, tilted (any threshold passed), three angles °. Any port counts."""
