"""Settings of a scenario: keys with units and defaults.

The defaults are the preset `default`; docs/simulator.md lists its figures with their
sources.
"""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from firmware_sim.families.auxiliary import AUXILIARY
from firmware_sim.families.catalogue import BINS, NATIVE, TOILETS
from firmware_sim.families.versions import VERSIONS
from firmware_sim.scenario.base import Amount, Positive, ScenarioSection, Share
from firmware_sim.scenario.events import ScenarioEvent
from firmware_sim.scenario.shapes import ShapeSettings
from firmware_sim.scenario.toilets import FixtureSettings, GasSettings, ToiletSettings

# % of a day's deposits by local hour: Groningen, Wouda et al. 2024
_HOURLY = (
    *(0.6, 0.3, 0.2, 0.1, 0.1, 0.2, 0.6, 1.7, 3.5, 4.4, 5.6, 6.9),
    *(8.1, 8.5, 8.2, 8.0, 8.2, 8.4, 7.6, 6.4, 4.9, 3.6, 2.4, 1.3),
)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("no such time zone") from None
    return name


def _offset(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("needs an offset, as in 2026-03-02T00:00:00+08:00")
    return moment


class TownSettings(ScenarioSection):
    """Size of the town, start and duration."""

    bins: int = Field(2000, ge=0, le=100_000)
    toilets: int = Field(100, ge=0, le=10_000)
    zones: int = Field(10, ge=1, le=100)
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    start: Annotated[datetime, AfterValidator(_offset)] = datetime.fromisoformat(
        "2026-03-02T00:00:00+08:00"
    )
    days: int = Field(30, ge=1, le=3660)


class BinSettings(ScenarioSection):
    """The street bins."""

    height_cm: Positive = 90
    volume_l: Positive = 120
    head_room_cm: Amount = 15  # from the sensor down to the full mark
    rate_median: Positive = 25  # % of the volume on a mean day
    rate_sigma: Amount = 0.55  # sd of the logarithm of the rate
    rate_min: Positive = 6
    rate_max: Positive = 110
    heap_max: float = Field(130, ge=100, le=200)  # %; the excess lies beside the bin


class WasteDepositSettings(ScenarioSection):
    """Deposits: a Poisson process of small items and big bags."""

    hourly: tuple[Amount, ...] = Field(_HOURLY, min_length=24, max_length=24)
    weekday: tuple[Amount, ...] = Field(
        (1, 1, 1, 1, 1.1, 1.25, 1.1), min_length=7, max_length=7
    )
    small_l: Positive = 0.9  # mean of a gamma distribution with shape 1.5
    big_l: Positive = 12  # mean of a gamma distribution with shape 9
    big_share: Share = 0.02
    beside: Share = 0  # of big bags: left beside a bin that has room
    event_share: Share = 0.01  # of bin-days
    event_factor: tuple[Positive, Positive] = (1.24, 4)
    settling: tuple[float, float] = (0.004, 0.004)  # share of the fill an hour


class CalendarSettings(ScenarioSection):
    """Factors of deposits and visits by month and on holidays."""

    monthly: tuple[Amount, ...] = Field((1,) * 12, min_length=12, max_length=12)
    holidays: tuple[date, ...] = ()  # local dates
    holiday_factor: Amount = 1


class RainSettings(ScenarioSection):
    """Showers over a zone."""

    per_day: Amount = 0
    hours: tuple[Positive, Positive] = (1, 8)
    factor: Amount = 0.7  # of the usual deposits and visits
    dry: Amount = 65  # % of humidity in toilets
    wet: Amount = 85  # while it rains


class EmptyingSettings(ScenarioSection):
    """Rounds of the crews, and their irregularities."""

    plan_fill: Positive = 61  # expected fill of a bin at its round, %
    round_at: Amount = 7  # local hour of the morning round
    second_at: Amount = 15  # of the second round, for bins with more than 7 a week
    spread_min: Amount = 30  # the vehicle arrives within so many minutes
    residue: tuple[Amount, Amount] = (0, 4)  # %
    missed: Share = 0.03
    unscheduled: Share = 0.01  # of bin-days, between 8 and 18 h


class SurfaceSettings(ScenarioSection):
    """The hump of waste under the sensor."""

    hump_cm: Amount = 5  # sd
    keep: Share = 0.9  # share of the hump left after one more deposit


class LevelSensorSettings(ScenarioSection):
    """Errors of the level sensor."""

    noise_cm: Amount = 1
    quantum_cm: Positive = 1
    blind_cm: Amount = 3
    temperature_per_k: Amount = 0.0002  # share of the distance, away from 20 °C
    near: Share = 0.01  # share of false near echoes
    missed: Share = 0.01  # share of missed echoes: the floor is read
    stuck_per_day: Amount = 0.01
    stuck_hours: Positive = 24  # mean


class ReportSettings(ScenarioSection):
    """Measurement and report intervals of level sensors."""

    measure_min: Positive = 15
    alarm_celsius: Positive = 60  # reported at once, as is a tilt of 30 °
    period_min: tuple[Positive, Positive] = (
        60,
        60,
    )  # range of the devices' report periods
    event_points: Amount = 10  # % changed since the last report; 0: no event reports


class LinkSettings(ScenarioSection):
    """Losses, delays and copies between the sensor and the broker."""

    loss_good: Share = 0.03
    loss_bad: Share = 0.6
    bad_share: Share = 0.045  # of the time in the bad state
    bad_hours: Positive = 2  # mean stay
    outages_per_month: Amount = 1  # per gateway
    outage_hours: tuple[Positive, Positive] = (1, 6)
    doubled: Share = 0.01
    redelivered: Share = 0.002  # sent again because an acknowledgement was lost
    swapped: Share = 0.005  # arrives after the device's next uplink
    late: Share = 0.01
    late_hours: Positive = 2  # at most
    garbage: Share = 0.001  # of uplinks: an additional, truncated one
    strangers: Share = 0.001  # of uplinks: an additional one of an unknown device
    leftovers: Share = 0.01  # of devices: the broker retains an old uplink


class BatterySettings(ScenarioSection):
    """Battery life: a lithium cell of 13 Ah."""

    life_days: Amount = 1000  # at the default report period; 0: unlimited
    knee: float = Field(0.85, ge=0.1, le=0.99)  # share of the charge used at the knee
    cold_sag: Share = 0.2  # of the gauge at -10 °C
    ending: Share = 0.02  # share of devices whose battery is nearly empty
    ending_days: tuple[Amount, Amount] = (10, 60)  # from the start
    change_days: Positive = 7  # mean time until an empty battery is changed


class FirmwareSettings(ScenarioSection):
    """Restarts and clocks: a crystal clock, one restart in fifty days."""

    reboot_per_day: Share = 0.02  # chance per device
    clock_ppm: Amount = 20  # largest clock error
    sync_days: Positive = 7  # between time synchronisations
    keeps: int = Field(0, ge=0, le=500)  # records stored while offline, sent later
    versions: dict[str, Share] = Field(
        {}
    )  # flawed versions and their share of the family
    epoch_share: Share = 0  # share of restarts after which the clock begins at 1970

    @model_validator(mode="after")
    def _known(self) -> "FirmwareSettings":
        if unknown := sorted(self.versions.keys() - VERSIONS.keys()):
            raise ValueError(f"no such version: {unknown}; see firmware-sim devices")
        return self


class FamilySettings(ScenarioSection):
    """Families of sensors and their shares of the devices."""

    bin: dict[str, Positive] = Field({NATIVE: 1}, min_length=1)
    toilet: dict[str, Positive] = Field({NATIVE: 1}, min_length=1)
    beside: dict[str, Share] = Field({})  # auxiliary sensors: share of the toilets

    @model_validator(mode="after")
    def _known(self) -> "FamilySettings":
        for named, known in ((self.bin, BINS), (self.toilet, TOILETS)):
            if unknown := sorted(named.keys() - known.keys() - {NATIVE}):
                names = ", ".join((NATIVE, *known))
                raise ValueError(f"no such family: {unknown}; one of {names}")
        if unknown := sorted(self.beside.keys() - AUXILIARY.keys()):
            names = ", ".join(AUXILIARY)
            raise ValueError(f"not beside a toilet: {unknown}; one of {names}")
        return self


class Scenario(ScenarioSection):
    """A scenario with all its sections."""

    description: str = ""
    town: TownSettings = TownSettings()
    bin: BinSettings = BinSettings()
    shapes: dict[str, ShapeSettings] = Field({})
    deposits: WasteDepositSettings = WasteDepositSettings()
    calendar: CalendarSettings = CalendarSettings()
    rain: RainSettings = RainSettings()
    emptying: EmptyingSettings = EmptyingSettings()
    surface: SurfaceSettings = SurfaceSettings()
    echo: LevelSensorSettings = LevelSensorSettings()
    report: ReportSettings = ReportSettings()
    link: LinkSettings = LinkSettings()
    toilet: ToiletSettings = ToiletSettings()
    fixtures: FixtureSettings = FixtureSettings()
    gas: GasSettings = GasSettings()
    battery: BatterySettings = BatterySettings()
    families: FamilySettings = FamilySettings()
    firmware: FirmwareSettings = FirmwareSettings()
    events: tuple[ScenarioEvent, ...] = ()

    @model_validator(mode="after")
    def _shares(self) -> "Scenario":
        if sum(shape.share for shape in self.shapes.values()) > 1:
            raise ValueError("shapes: the shares are more than 1 together")
        return self

    @model_validator(mode="after")
    def _zones(self) -> "Scenario":
        zones = {zone for event in self.events for zone in event.zones}
        unknown = sorted(z for z in zones if not 1 <= z <= self.town.zones)
        if unknown:
            raise ValueError(f"events: zones are 1 to {self.town.zones}: {unknown}")
        return self

    @model_validator(mode="after")
    def _spans(self) -> "Scenario":
        pairs = {
            "deposits.event_factor": self.deposits.event_factor,
            "deposits.settling": self.deposits.settling,
            "emptying.residue": self.emptying.residue,
            "report.period_min": self.report.period_min,
            "link.outage_hours": self.link.outage_hours,
            "rain.hours": self.rain.hours,
            "gas.alcohol_ppm": self.gas.alcohol_ppm,
            "gas.wander_week": self.gas.wander_week,
            "gas.wander_days": self.gas.wander_days,
            "battery.ending_days": self.battery.ending_days,
            "bin.rate_min, rate_max": (self.bin.rate_min, self.bin.rate_max),
        }
        wrong = [name for name, (low, high) in pairs.items() if low > high]
        if wrong:
            raise ValueError(f"the first must not be above the second: {wrong}")
        return self
