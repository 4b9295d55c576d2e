"""Families of sensors that a scenario's town can have, beside the native one.

Each says what it measures in its vendor's bytes, with that vendor's limits: blind
zones, whole degrees, no sign. EUIs begin with the vendor's OUI where it is at hand,
else locally administered.
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
HEIGHT_MM = 1000  # that a sensor's own fill is told for, unless set up
TILTED, HOT, LOW = 20, 60, 10  # °, °C, %
HUMIDITY = 65.0
LOCAL = "020000"
BROKEN = 1e6  # ppm: the highest number of a GS301 says sensor error


class LevelReport(NamedTuple):
    """What a level sensor knows when it reports."""

    mm: int
    celsius: float
    tilt: float  # °
    battery: int  # %
    number: int
    heard: bool = True  # whether mm is a distance at all

    @property
    def volts(self) -> float:
        """A lithium cell: 3.6 V down to the knee at 60 %, 3.0 V at the end."""
        return 3.0 + 0.6 * min(self.battery / 60, 1)

    @property
    def fill(self) -> int:
        """The fill that the sensor itself makes of it, %."""
        return min(max(round(100 - 100 * self.mm / HEIGHT_MM), 0), 100)

    @property
    def tilted(self) -> bool:
        """Whether the sensor lies."""
        return self.tilt > TILTED


class AirReport(NamedTuple):
    """What a room sensor knows when it reports."""

    nh3: float  # ppm; NaN: no value
    h2s: float  # ppm; NaN: no value
    celsius: float
    humidity: float  # %
    battery: int  # %
    broken: bool = False  # the gas cell


class SensorFamily(NamedTuple):
    """A family: who made it, where its bytes go, and what they say."""

    oui: str
    port: int
    sends: str
    encode: Callable[..., bytes]


def _df702(s: LevelReport) -> bytes:
    alarms = (False, s.celsius >= HOT, s.tilted, s.battery < LOW)
    return dingtek.df702(s.mm, round(s.celsius), round(s.tilt), alarms)


def gases(a: AirReport) -> tuple[float | None, float | None]:
    """What a GS301 says: None while polarizing, out of range where it is broken."""
    if a.broken:
        return BROKEN, BROKEN
    return (None, None) if isnan(a.nh3) else (a.nh3, a.h2s)


def _gs301(a: AirReport) -> bytes:
    climate = (a.celsius, a.humidity)
    return wire.gs301(a.battery, climate, *gases(a), fine=True)


def _r718pa(a: AirReport) -> bytes:
    nh3 = None if isnan(a.nh3) else max(a.nh3, 0.0)
    return netvox.r718pa_nh3(3.6, nh3, low=a.battery < LOW)


BINS: Mapping[str, SensorFamily] = {
    "milesight-em400-tld": SensorFamily(
        *("24e124", milesight.PORT, "distance, temperature, tilted, battery"),
        lambda s: wire.em400_tld(s.battery, s.celsius, s.mm, tilted=s.tilted),
    ),
    "milesight-em310-udl": SensorFamily(
        *("24e124", milesight.PORT, "distance, tilted, battery"),
        lambda s: wire.em310_udl(s.battery, s.mm, tilted=s.tilted),
    ),
    "dragino-ldds75": SensorFamily(
        *("a84041", dragino.PORT, "distance from 280 mm, battery voltage"),
        lambda s: dragino.dds75(
            round(s.volts * 1000), max(s.mm, 280) if s.heard else s.mm
        ),
    ),
    "netvox-r718x": SensorFamily(
        *("00137a", netvox.PORT, "distance, temperature, own fill, tilt, voltage"),
        lambda s: netvox.r718x(
            *(s.volts, (s.mm, s.celsius), (s.fill, min(round(s.tilt), 255))),
            low=s.battery < LOW,
        ),
    ),
    "dingtek-df702": SensorFamily(
        *(LOCAL, dingtek.PORT, "distance, temperature from 0 °C, tilt, alarms"), _df702
    ),
    "elsys-elt-2-ultrasonic": SensorFamily(
        *(LOCAL, elsys.PORT, "distance, temperature, humidity, voltage"),
        lambda s: elsys.elt_ultrasonic(
            s.celsius, HUMIDITY, round(s.volts * 1000), s.mm
        ),
    ),
    "decentlab-dl-mbx": SensorFamily(
        *(LOCAL, decentlab.PORT, "distance, valid samples, voltage"),
        lambda s: decentlab.dl_mbx(s.number, s.mm, 1, round(s.volts * 1000)),
    ),
    "teneo-iot-filling-degree-sensor": SensorFamily(
        *(LOCAL, teneo.PORT, "distance in cm, voltage"),
        lambda s: teneo.level(s.volts, round(s.mm / 10)),
    ),
    "enginko-egk-lw20w00": SensorFamily(
        *(LOCAL, enginko.PORT, "distance, own fill, temperature, battery"),
        lambda s: enginko.level(0, (s.mm, s.fill), s.celsius, s.battery),
    ),
    "smartends-brighterbins": SensorFamily(
        *(LOCAL, brighterbins.PORT, "distance in cm, temperature, battery"),
        lambda s: brighterbins.distance(
            s.battery, round(s.celsius), min(round(s.mm / 10), 509)
        ),
    ),
}
TOILETS: Mapping[str, SensorFamily] = {
    "milesight-gs301": SensorFamily(
        *("24e124", milesight.PORT, "NH3 and H2S from 0 ppm, climate, battery"), _gs301
    ),
    "netvox-r718pa": SensorFamily(
        *("00137a", netvox.PORT, "NH3 from 0 ppm in tenths, voltage"), _r718pa
    ),
}
NATIVE_SENDS = {
    "bin": "distance, temperature, battery, tilt where it lies",
    "toilet": "NH3 and H2S with their sign, climate, people in and out, battery",
}
MODELS = {**BINS, **TOILETS}
