"""Netvox R311, R718, R720, R726, R727 and RB11: eleven bytes for all of them. Pure.

Layout: as excerpts and tables of the maker's "Netvox LoRaWAN Application Command" and
of the models' user manuals give it ("Example of ReportDataCmd"), held against published
uplinks; R718PA has none. Big-endian. Port 6: version, device
type, kind of report (0: versions), battery, data by type, zeros; port 7 answers
configuration. In R718PA's gases 0xFFFF stands for a probe that is not there.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    TooShort,
    chain,
    flag,
    flags,
    peek,
    value,
)
from sensorhub.model import Field, Frame

SIZE: Final = 11
_REPORT, _CONFIG, _BUTTON = 6, 7, 13
_ANSWERED: Final = 0x80  # the commands with this bit are answers

_BATTERY: Final = chain(
    peek(flags(low_battery=0x80)),
    value(">B", "battery_voltage", 10, mask=0x7F, words={0: "mains"}),
)
_NO_PROBE: Final[Mapping[int, str]] = MappingProxyType({0xFFFF: "no such probe"})
_DISTANCE: Final = value(">H", "distance", words={0xFFFF: "not measured"})
_OWN_FILL: Final = value(">B", "own_fill", words={0xFF: "not measured"})
_STATUS: Final = flag("status")
_DOOR: Final = flag("lid_open")
_OCCUPIED: Final = flag("occupied")
_LEAK: Final = flag("leak")
_HUNDREDTHS: Final = value(">h", "temperature", 100)


def _either(name: str) -> FieldReader:
    """Read two probes of one device: each, and whether either is on."""
    both = chain(flag(f"{name}_1"), flag(f"{name}_2"))

    def read_field(frame: bytes, at: int, out: Frame) -> int:
        part = Frame()
        at = both(frame, at, part)
        if part.fields:
            worst = max(field.value for field in part.fields)
            out.fields.append(Field(name, worst))
        out.fields += part.fields
        out.ignored += part.ignored
        return at

    return read_field


_AIR: Final = (_HUNDREDTHS, value(">H", "humidity", 100), value(">H", "pm2_5"))
# by device type and kind of report; the comment names the models
_DATA: Final[dict[bytes, tuple[FieldReader, ...]]] = {
    b"\x02\x01": (_DOOR,),  # R311A
    b"\x03\x01": (  # RB11E
        _HUNDREDTHS,
        value(">H", "illuminance"),
        _OCCUPIED,
        flag("dismounted"),
    ),
    b"\x06\x01": (_either("leak"),),  # R311W
    b"\x12\x01": (_LEAK,),  # R718WB
    b"\x1d\x01": (_DOOR,),  # R718F
    b"\x31\x01": (flag("button"),),  # R718T
    b"\x32\x01": (_LEAK,),  # R718WA
    b"\x34\x01": (  # R718X
        _STATUS,
        _DISTANCE,
        value(">h", "temperature", 10),
        _OWN_FILL,
        value(">B", "tilt"),
    ),
    b"\x36\x01": _AIR,  # R72616
    b"\x37\x01": _AIR,  # R72716
    b"\x57\x06": (  # R718PA
        value(">H", "no2", 10, words=_NO_PROBE),
        value(">H", "so2", 10, words=_NO_PROBE),
        value(">H", "h2s", 10, words=_NO_PROBE),
    ),
    b"\x57\x07": (  # R718PA
        value(">H", "co2", 10, words=_NO_PROBE),
        value(">H", "nh3", 10, words=_NO_PROBE),
        value(">H", "noise", 10, words=_NO_PROBE),
    ),
    b"\x5a\x01": (_either("occupied"),),  # R311WA
    b"\x5b\x01": (_OCCUPIED,),  # R718Q
    b"\x97\x01": (_OCCUPIED,),  # R718QA
    b"\x9a\x01": (  # R718EA
        value(">b", "angle_x"),
        value(">b", "angle_y"),
        value(">b", "angle_z"),
        value(">h", "temperature", 10),
    ),
    b"\x9b\x01": (  # R718PA22
        value(">H", "depth"),
        value(">h", "temperature"),
        flag("install_fault"),
    ),
    b"\xa5\x01": (  # R720E
        value(">H", "tvoc"),
        _HUNDREDTHS,
        value(">H", "humidity", 100),
        flag("tvoc_is_index"),
    ),
    b"\xb1\x01": (_STATUS, _DISTANCE, _OWN_FILL),  # R718PE
    b"\xb7\x01": (_STATUS,),  # R720F
    b"\xc8\x01": (  # R718EB
        value(">h", "angle_x", 10),
        value(">h", "angle_y", 10),
        value(">h", "angle_z", 10),
    ),
}


def netvox(frame: bytes, port: int) -> Frame:
    """Battery V and what the device type in the frame measures."""
    out = Frame()
    if port == _REPORT:
        _report(frame, out)
    elif port in (_CONFIG, _BUTTON):
        _answer(frame, out)
    else:
        out.errors.append(f"unknown port {port}; readings come on port {_REPORT}")
        return out
    if port != _BUTTON and len(frame) != SIZE:
        out.errors.append(f"frame of {len(frame)} bytes, {SIZE} expected")
    return out


def _report(frame: bytes, out: Frame) -> None:
    kind = frame[1:3]
    if frame[:1] != b"\x01":
        out.errors.append("not version 1 of the vendor's format")
    elif frame[2:3] == b"\x00":
        out.answers = True
    elif kind in _DATA:
        at = 3
        try:
            for one in (_BATTERY, *_DATA[kind]):
                at = one(frame, at, out)
        except TooShort:
            return  # the caller reports the length
    else:
        out.errors.append(f"unknown device type and report 0x{kind.hex()}")


def _answer(frame: bytes, out: Frame) -> None:
    if frame and frame[0] & _ANSWERED:
        out.answers = True
    else:
        out.errors.append("no answer to a configuration command")
