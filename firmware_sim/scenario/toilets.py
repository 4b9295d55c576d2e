"""Settings of toilets: the room, its fixtures, the gas cell."""

from pydantic import Field

from firmware_sim.scenario.base import Amount, Positive, ScenarioSection, Share

# % of a day's visits by local hour; the maximum is from 12 to 13
_VISITS = (
    *(0.3, 0.2, 0.1, 0.1, 0.2, 0.6, 2.0, 4.5, 6.5, 6.5, 6.5, 7.5),
    *(9.0, 7.5, 6.5, 6.0, 6.0, 6.5, 6.0, 5.5, 4.5, 3.5, 2.0, 1.5),
)


class ToiletSettings(ScenarioSection):
    """A public toilet: a well-mixed room with urine that turns into ammonia."""

    volume_m3: Positive = 40
    air_changes: Positive = 8  # an hour
    visits: Positive = 200  # a day
    spread: tuple[Amount, Amount] = (0.4, 0.3)  # log sd of visits and air changes
    hourly: tuple[Amount, ...] = Field(_VISITS, min_length=24, max_length=24)
    source_mg_h: Amount = 0.24  # NH3 a visit
    messy_mg_h: Amount = 2.4  # in addition, mean of an exponential distribution
    messy_share: Share = 0.15
    ripens_h: Positive = 2
    fades_h: Positive = 18
    background_ppm: Amount = 0.03
    cleanings: tuple[Amount, ...] = (6, 14)  # local hours
    removed: Share = 0.9
    skipped: Share = 0.03


class FixtureSettings(ScenarioSection):
    """Fixtures of a toilet that auxiliary sensors measure."""

    cubicles: int = Field(4, ge=1)
    women: Share = 0.5  # of the visitors
    dwell_s: tuple[Positive, Positive] = (100, 165)  # mean visit of men and of women
    paper_visits: Positive = 400  # for which a full stock is enough
    soap_visits: Positive = 600
    leak_per_day: Amount = 0.02
    leak_hours: Positive = 6  # at most; a cleaning ends it
    report_min: Positive = 10


class GasSettings(ScenarioSection):
    """Errors of the gas cell."""

    zero_ppm: Amount = 0.2  # sd
    gain: Amount = 0.05  # sd
    drift_month: Amount = 0.02  # sd of the gain's change
    noise_ppm: Amount = 0.03
    quantum_ppm: Positive = 0.01
    report_min: Positive = 5
    alcohol_ppm: tuple[Amount, Amount] = (0, 0)  # measured for 20 min after a cleaning
    restart_min: Amount = 15  # without a value after a restart
    power_up_hours: Amount = 24  # without a value after a loss of power
    wander_per_day: Share = 0.001  # chance that a cell's zero begins to drift
    wander_week: tuple[Amount, Amount] = (0.3, 1)  # ppm
    wander_days: tuple[Positive, Positive] = (14, 30)  # until the cell is replaced
