"""Elsys: type, data, big-endian, port 5 (the vendor's "Sensor payload")."""

from struct import Struct

PORT = 5
_CLIMATE = Struct(">BhBB").pack
_WORD = Struct(">BH").pack


def climate(celsius: float, humidity: float) -> bytes:
    """Encode temperature °C and humidity % of any model."""
    return _CLIMATE(0x01, round(celsius * 10), 0x02, round(humidity))


def elt_ultrasonic(celsius: float, humidity: float, mv: int, mm: int) -> bytes:
    """Encode ELT-2 ultrasonic: climate, battery mV, distance mm."""
    return climate(celsius, humidity) + _WORD(0x07, mv) + _WORD(0x0E, mm)


def ems(celsius: float, humidity: float, mv: int, *, leak: bool) -> bytes:
    """Encode EMS: climate, battery mV, leak."""
    return climate(celsius, humidity) + _WORD(0x07, mv) + bytes((0x12, leak))


def ers_eye(celsius: float, humidity: float, mv: int, *, occupied: bool) -> bytes:
    """Encode ERS Eye: climate, battery mV, occupied (2) or not (0)."""
    occupancy = bytes((0x11, 2 if occupied else 0))
    return climate(celsius, humidity) + _WORD(0x07, mv) + occupancy
