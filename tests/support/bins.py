"""A bin for tests of the estimator: deposits, a sensor, and emptyings on demand."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensorhub.config.filling import DepositSettings
from sensorhub.estimate import fill
from sensorhub.estimate.follow import (
    LevelFindings,
    LevelReadings,
    SharedModels,
    process_levels,
)
from sensorhub.estimate.later import FillOutlook, outlook
from sensorhub.estimate.law import law_of, matrix_of
from sensorhub.estimate.plan import RoundPlans
from sensorhub.estimate.tables import DeviceTable
from sensorhub.estimate.usage import HOUR_MS, UsageProfiles
from sensorhub.registry.profiles import EchoSettings

MONDAY = 1_767_571_200_000  # 2026-01-05T00:00Z
ENDS = (1050.0, 150.0)


def town(
    devices: int = 1,
    rounds: tuple[float, ...] = (),
    *,
    litres: float = 120,
    ends: tuple[float, float] = ENDS,
    **echo: float,
) -> SharedModels:
    """Bins that are alike; rounds in hours since Monday 0 h; `ends`: mm to the waste
    when empty and full."""
    law = law_of(0, litres, ends, DepositSettings(), EchoSettings(**echo))
    usage = UsageProfiles(1)
    usage.take(np.ones((1, 168)), np.zeros(1))
    nobody = np.zeros(devices, np.intp)
    plan = nobody + bool(rounds)
    hourly = np.full(devices, HOUR_MS)
    plans = RoundPlans([rounds] if rounds else [])
    return SharedModels(matrix_of([law]), nobody, usage, plans, plan, hourly)


@dataclass
class Bin:
    """One bin; `read` gives its sensor's levels to the filter, an hour apart."""

    town: SharedModels = field(default_factory=town)
    now: int = MONDAY
    found: list[LevelFindings] = field(default_factory=list)
    table: DeviceTable = field(default_factory=lambda: fill.new_fills(1))

    def read(self, *levels: float, every_h: float = 1.0, stuck: bool = False) -> "Bin":
        """Take level readings (%), each `every_h` after the one before."""
        for level in levels:
            self.now += int(every_h * HOUR_MS)
            one = np.zeros(1, np.intp)
            self.found.append(
                process_levels(
                    self.table,
                    self.town,
                    LevelReadings(
                        one,
                        np.array([self.now]),
                        np.array([float(level)]),
                        offset_ms=np.zeros(1, np.int64),
                        fresh=np.zeros(1, np.bool_),
                        stuck=np.array([stuck]),
                    ),
                )
            )
        return self

    @property
    def fill(self) -> float:
        """Estimated fill, %."""
        return float(self.table["f"][0])

    @property
    def emptied(self) -> list[tuple[float, float, float]]:
        """Emptyings that were seen: bracket in hours since Monday, and amount, %."""
        return [
            (
                (int(f.emptied.begin[0]) - MONDAY) / HOUR_MS,
                (int(f.emptied.end[0]) - MONDAY) / HOUR_MS,
                float(f.emptied.amount[0]),
            )
            for f in self.found
            if f.emptied.which[0]
        ]

    @property
    def due(self) -> float:
        """The chance that it is due, as of the last reading."""
        return float(self.found[-1].chances.due[0])

    @property
    def ahead(self) -> FillOutlook:
        """What is known of it."""
        return outlook(self.table, self.town, np.zeros(1, np.intp), 0)


def deposits(rng: np.random.Generator, a_day: float, hours: int) -> NDArray[np.float64]:
    """Percent thrown in by hour: 98 of 100 are small, two are bags."""
    found = np.zeros(hours)
    for hour, n in enumerate(rng.poisson(a_day / 24 / 0.935, hours)):
        big = rng.random(n) < 0.02
        found[hour] = np.where(
            big, rng.gamma(9, 10 / 9, n), rng.gamma(1.5, 0.5, n)
        ).sum()
    return found
