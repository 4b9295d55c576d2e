"""Netvox: eleven bytes, big-endian, port 6: version, type, report, battery, data.

Written from "Netvox LoRaWAN Application Command". Bit 7 of the battery means low.
"""

from struct import Struct

PORT = 6
NO_PROBE = 0xFFFF
_LOW = 0x80
_LEVEL = Struct(">BBBBBHhBB").pack
_PRESSED = Struct(">BBBBBHB3s").pack
_GAS = Struct(">BBBBHHHB").pack


def _battery(volts: float, *, low: bool) -> int:
    return round(volts * 10) | (_LOW if low else 0)


def r718x(
    volts: float, mm: int, celsius: float, fill: int, tilt: int, *, low: bool = False
) -> bytes:
    """Encode R718X bin: battery V, distance mm, °C, the sensor's own fill % and °."""
    battery = _battery(volts, low=low)
    return _LEVEL(1, 0x34, 1, battery, 1, mm, round(celsius * 10), fill, tilt)


def r718pe(volts: float, mm: int, fill: int, *, low: bool = False) -> bytes:
    """Encode R718PE bin from above: battery V, distance mm, the sensor's own fill %."""
    return _PRESSED(1, 0xB1, 1, _battery(volts, low=low), 1, mm, fill, bytes(3))


def r718pa_h2s(volts: float, ppm: float, *, low: bool = False) -> bytes:
    """Encode R718PA, report 6: hydrogen sulfide ppm; no probe for NO2 and SO2."""
    tenths = round(ppm * 10)
    return _GAS(1, 0x57, 6, _battery(volts, low=low), NO_PROBE, NO_PROBE, tenths, 0)


def r718pa_nh3(volts: float, ppm: float | None, *, low: bool = False) -> bytes:
    """Encode R718PA, report 7: ammonia ppm (None: no value); no CO2 or noise probe."""
    tenths = NO_PROBE if ppm is None else round(ppm * 10)
    return _GAS(1, 0x57, 7, _battery(volts, low=low), NO_PROBE, tenths, NO_PROBE, 0)


def r718qa(volts: float, *, occupied: bool, low: bool = False) -> bytes:
    """Encode R718QA cubicle: battery V, occupied."""
    return bytes((1, 0x97, 1, _battery(volts, low=low), occupied)) + bytes(6)


def r311w(volts: float, leak_1: bool, leak_2: bool, *, low: bool = False) -> bytes:
    """Encode R311W: battery V, two leak probes."""
    return bytes((1, 0x06, 1, _battery(volts, low=low), leak_1, leak_2)) + bytes(5)
