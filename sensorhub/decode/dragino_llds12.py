"""Dragino LLDS12, laser distance. Pure.

Layout: Dragino wiki, LLDS12 user manual, "Uplink Payload" (port 2): battery, DS18B20
probe, distance in mm, strength of the echo, interrupt, the laser's temperature, kind of
message (2: an answer to a request). A distance counts where the strength is above 100
and not 65535. Big-endian.
"""

from struct import Struct
from typing import Final

from sensorhub.decode.dragino_ultrasonic import add_probe_temperature
from sensorhub.model import Field, Frame

_UPLINK: Final = Struct(">HhHHBbB")
_WEAK, _BLIND = 100, 0xFFFF
_ANSWER: Final = 2


def llds12(frame: bytes, port: int) -> Frame:
    """Battery V, distance mm, temperature °C of the probe, signal, interrupt 0/1."""
    out = Frame()
    size = _UPLINK.size
    if port != 2:
        out.errors.append(f"unknown port {port}; readings come on port 2")
    elif len(frame) < size:
        out.errors.append(f"frame of {len(frame)} bytes, {size} expected")
    elif frame[size - 1] == _ANSWER:
        out.answers = True
    else:
        _read(frame, out)
        if len(frame) > size:
            out.errors.append(f"frame of {len(frame)} bytes, {size} expected")
    return out


def _read(frame: bytes, out: Frame) -> None:
    mv, tenths, mm, signal, interrupt, laser, _kind = _UPLINK.unpack_from(frame)
    out.fields.append(Field("battery_voltage", (mv & 0x3FFF) / 1000))
    if _WEAK < signal < _BLIND:
        out.fields.append(Field("distance", float(mm)))
    else:
        out.ignored.append(f"distance: echo too weak or blinded ({signal})")
    add_probe_temperature(tenths, out)
    out.fields.append(Field("signal", float(signal)))
    out.fields.append(Field("interrupt", float(interrupt != 0)))
    out.fields.append(Field("laser_temperature", float(laser)))
