"""Families of auxiliary toilet sensors: people, paper, water, cubicles."""

from collections.abc import Mapping
from typing import NamedTuple

from firmware_sim.families import browan, imbuildings, milesight, netvox, wire
from firmware_sim.families.catalogue import (
    LOCAL,
    LOW,
    MILESIGHT_OUI,
    NETVOX_OUI,
    SensorFamily,
    lithium_volts,
)

PAPER_MM = 100  # from the sensor to an empty holder
OCCUPIED_MM, FREE_MM = 400, 1500


class AuxiliaryReport(NamedTuple):
    """Values of an auxiliary sensor when it reports."""

    totals: tuple[int, int]  # people in and out since its start
    period: tuple[int, int]  # people in and out since the last report
    paper: float  # %
    wet: bool
    occupied: bool
    celsius: float
    humidity: float  # %
    battery: int  # %
    number: int  # of the uplink

    @property
    def volts(self) -> float:
        """Battery voltage."""
        return lithium_volts(self.battery)


def _ws201(s: AuxiliaryReport) -> bytes:
    mm = round(PAPER_MM * (1 - s.paper / 100)) + 1
    return milesight.ws201(s.battery, mm, round(s.paper))


def _vs330(s: AuxiliaryReport) -> bytes:
    mm = OCCUPIED_MM if s.occupied else FREE_MM
    return milesight.vs330(s.battery, mm, occupied=s.occupied)


AUXILIARY: Mapping[str, SensorFamily] = {
    "milesight-vs350": SensorFamily(
        MILESIGHT_OUI,
        milesight.PORT,
        "people in and out in 16 bits, battery",
        lambda s: wire.vs350(s.battery, s.totals, s.period),
    ),
    "imbuildings-peoplecounter": SensorFamily(
        LOCAL,
        imbuildings.BARE_PORT,
        "people in and out in 16 bits, voltage",
        lambda s: imbuildings.people(s.volts, s.period, s.totals, s.number),
    ),
    "milesight-ws201": SensorFamily(
        MILESIGHT_OUI, milesight.PORT, "paper that is left, battery", _ws201
    ),
    "milesight-em300-sld": SensorFamily(
        MILESIGHT_OUI,
        milesight.PORT,
        "water on the floor, climate, battery",
        lambda s: wire.em300_sld(s.battery, s.celsius, s.humidity, leak=s.wet),
    ),
    "browan-tbwl100": SensorFamily(
        LOCAL,
        browan.LEAK_PORT,
        "water on the floor, climate, voltage",
        lambda s: browan.tbwl100(s.volts, s.celsius, round(s.humidity), leak=s.wet),
    ),
    "milesight-vs330": SensorFamily(
        MILESIGHT_OUI, milesight.PORT, "a cubicle occupied, battery", _vs330
    ),
    "netvox-r718qa": SensorFamily(
        NETVOX_OUI,
        netvox.PORT,
        "a cubicle occupied, voltage",
        lambda s: netvox.r718qa(s.volts, occupied=s.occupied, low=s.battery < LOW),
    ),
}
WET = frozenset({"milesight-em300-sld", "browan-tbwl100"})  # report water at once
OCCUPIED = frozenset({"milesight-vs330", "netvox-r718qa"})
