"""Enginko EGK-LW20W00 waste level (and EGK-LW20L00). Pure.

Layout: "Enginko Data Frame Format Rev. 1.34", chapter 1.14 "Level measurement" (uplink
14), and 1.1 "Time sync request" (uplink 01). Little-endian, port 2. The clock in the
frame is only set where the network answers the time sync: it dates nothing.
"""

from typing import Final

from sensorhub.decode.field_readers import (
    FieldReader,
    by_port,
    fixed_layout,
    reserved,
    value,
)
from sensorhub.model import Field, Frame

_TIME_SYNC, _LEVEL = 0x01, 0x14
_HIGHEST_MM: Final = 60_000  # above, the number is an error code
_RAW_DISTANCE: Final = value("<H", "distance")
_BATTERY: Final = value("<B", "battery")
_OWN_FILL: Final = value("<B", "own_fill")
_TEMPERATURE: Final = value("<h", "temperature", 100)
_AIR: Final = (value("<B", "humidity", 2), value("<T", "pressure", 100))


def _distance(frame: bytes, at: int, out: Frame) -> int:
    part = Frame()
    at = _RAW_DISTANCE(frame, at, part)
    if (mm := part.fields[0].value) > _HIGHEST_MM:
        out.ignored.append(f"distance: sensor error {mm:.0f}")
    else:
        out.fields.append(Field("distance", mm))
    return at


def _battery(frame: bytes, at: int, out: Frame) -> int:
    # first firmware ends before it
    return at if at == len(frame) else _BATTERY(frame, at, out)


_HEAD: Final[tuple[FieldReader, ...]] = (
    reserved(6),
    value("<H", "adc"),
    reserved(2),
    _distance,
)
_BY_TYPE: Final = (
    fixed_layout(*_HEAD, _battery),
    fixed_layout(*_HEAD, _OWN_FILL, _TEMPERATURE, _battery),
    fixed_layout(*_HEAD, _TEMPERATURE, *_AIR, _battery),
    fixed_layout(*_HEAD, _OWN_FILL, _TEMPERATURE, *_AIR, _battery),
)


def _uplink(frame: bytes) -> Frame:
    if frame[:1] == bytes((_TIME_SYNC,)):
        return Frame(answers=True)
    if len(frame) < 2 or frame[0] != _LEVEL:
        return Frame(errors=[f"unknown uplink 0x{frame[:1].hex()}"])
    if frame[1] >= len(_BY_TYPE):
        return Frame(errors=[f"unknown kind of level 0x{frame[1]:02x}"])
    return _BY_TYPE[frame[1]](frame)


enginko_level = by_port({2: _uplink})
"""Battery %, distance mm, own_fill %, temperature °C, humidity %."""
