"""Families of bin and toilet sensors that a scenario's town can have.

Each family encodes its measurements in its vendor's format, with that vendor's limits:
blind zones, whole degrees, no negative values. EUIs begin with the vendor's OUI if it
is known, else they are locally administered.
"""

from collections.abc import Callable, Mapping
from math import isnan
from typing import NamedTuple

from firmware_sim.families import (
    brighterbins,
    decentlab,
    dingtek,
    dragino,
    elsys,
    enginko,
    milesight,
    netvox,
    teneo,
    wire,
)

NATIVE = "native"
HEIGHT_MM = 1000  # depth from which a sensor computes its own fill unless configured
TILTED, HOT, LOW = 20, 60, 10  # °, °C, %
HUMIDITY = 65.0
MILESIGHT_OUI, DRAGINO_OUI, NETVOX_OUI = "24e124", "a84041", "00137a"
LOCAL = "020000"
BROKEN = 1e6  # ppm: encoded as the highest number, by which a GS301 reports an error


def lithium_volts(percent: float) -> float:
    """Return the voltage of a lithium cell: 3.6 V, from 60 % on down to 3.0 V."""
    return 3.0 + 0.6 * min(percent / 60, 1)


class LevelReport(NamedTuple):
    """Values of a level sensor when it reports."""

    mm: int
    celsius: float
    tilt: float  # °
    battery: int  # %
    number: int
    valid: bool = True  # whether `mm` is a distance, not an error code

    @property
    def volts(self) -> float:
        """Battery voltage."""
        return lithium_volts(self.battery)

    @property
    def fill(self) -> int:
        """The fill that the sensor itself computes, %."""
        return min(max(round(100 - 100 * self.mm / HEIGHT_MM), 0), 100)

    @property
    def tilted(self) -> bool:
        """Whether the sensor reports that it is tilted."""
        return self.tilt > TILTED


class AirReport(NamedTuple):
    """Values of a toilet sensor when it reports."""

    nh3: float  # ppm; NaN: no value
    h2s: float  # ppm; NaN: no value
    celsius: float
    humidity: float  # %
    battery: int  # %
    broken: bool = False  # the gas cell


class SensorFamily(NamedTuple):
    """A family: vendor prefix, LoRaWAN port, summary of its values, encoder."""

    oui: str
    port: int
    sends: str
    encode: Callable[..., bytes]


def _df702(s: LevelReport) -> bytes:
    alarms = dingtek.Alarms(
        fire=s.celsius >= HOT, tilted=s.tilted, low_battery=s.battery < LOW
    )
    return dingtek.df702(s.mm, round(s.celsius), round(s.tilt), alarms)


def gases(a: AirReport) -> tuple[float | None, float | None]:
    """Return NH3 and H2S of a GS301: None while polarizing, BROKEN if it is broken."""
    if a.broken:
        return BROKEN, BROKEN
    return (None, None) if isnan(a.nh3) else (a.nh3, a.h2s)


def _gs301(a: AirReport) -> bytes:
    nh3, h2s = gases(a)
    return wire.gs301(a.battery, a.celsius, a.humidity, nh3, h2s, fine=True)


def _r718pa(a: AirReport) -> bytes:
    nh3 = None if isnan(a.nh3) else max(a.nh3, 0.0)
    return netvox.r718pa_nh3(3.6, nh3, low=a.battery < LOW)


def _ldds75(s: LevelReport) -> bytes:
    mm = max(s.mm, 280) if s.valid else s.mm
    return dragino.dds75(round(s.volts * 1000), mm)


def _r718x(s: LevelReport) -> bytes:
    tilt = min(round(s.tilt), 255)
    return netvox.r718x(s.volts, s.mm, s.celsius, s.fill, tilt, low=s.battery < LOW)


def _elt2(s: LevelReport) -> bytes:
    return elsys.elt_ultrasonic(s.celsius, HUMIDITY, round(s.volts * 1000), s.mm)


def _brighterbins(s: LevelReport) -> bytes:
    cm = min(round(s.mm / 10), 509)
    return brighterbins.distance(s.battery, round(s.celsius), cm)


BINS: Mapping[str, SensorFamily] = {
    "milesight-em400-tld": SensorFamily(
        MILESIGHT_OUI,
        milesight.PORT,
        "distance, temperature, tilted, battery",
        lambda s: wire.em400_tld(s.battery, s.celsius, s.mm, tilted=s.tilted),
    ),
    "milesight-em310-udl": SensorFamily(
        MILESIGHT_OUI,
        milesight.PORT,
        "distance, tilted, battery",
        lambda s: wire.em310_udl(s.battery, s.mm, tilted=s.tilted),
    ),
    "dragino-ldds75": SensorFamily(
        DRAGINO_OUI, dragino.PORT, "distance from 280 mm, battery voltage", _ldds75
    ),
    "netvox-r718x": SensorFamily(
        NETVOX_OUI,
        netvox.PORT,
        "distance, temperature, own fill, tilt, voltage",
        _r718x,
    ),
    "dingtek-df702": SensorFamily(
        LOCAL, dingtek.PORT, "distance, temperature from 0 °C, tilt, alarms", _df702
    ),
    "elsys-elt-2-ultrasonic": SensorFamily(
        LOCAL, elsys.PORT, "distance, temperature, humidity, voltage", _elt2
    ),
    "decentlab-dl-mbx": SensorFamily(
        LOCAL,
        decentlab.PORT,
        "distance, valid samples, voltage",
        lambda s: decentlab.dl_mbx(s.number, s.mm, 1, round(s.volts * 1000)),
    ),
    "teneo-iot-filling-degree-sensor": SensorFamily(
        LOCAL,
        teneo.PORT,
        "distance in cm, voltage",
        lambda s: teneo.level(s.volts, round(s.mm / 10)),
    ),
    "enginko-egk-lw20w00": SensorFamily(
        LOCAL,
        enginko.PORT,
        "distance, own fill, temperature, battery",
        lambda s: enginko.level(0, s.mm, s.fill, s.celsius, s.battery),
    ),
    "smartends-brighterbins": SensorFamily(
        LOCAL,
        brighterbins.PORT,
        "distance in cm, temperature, battery",
        _brighterbins,
    ),
}
TOILETS: Mapping[str, SensorFamily] = {
    "milesight-gs301": SensorFamily(
        MILESIGHT_OUI,
        milesight.PORT,
        "NH3 and H2S from 0 ppm, climate, battery",
        _gs301,
    ),
    "netvox-r718pa": SensorFamily(
        NETVOX_OUI, netvox.PORT, "NH3 from 0 ppm in tenths, voltage", _r718pa
    ),
}
NATIVE_SENDS = {
    "bin": "distance, temperature, battery, tilt where it lies",
    "toilet": "NH3 and H2S with their sign, climate, people in and out, battery",
}
MODELS = {**BINS, **TOILETS}
