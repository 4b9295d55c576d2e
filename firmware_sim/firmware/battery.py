"""Batteries: lithium cells with a knee in their discharge curve, and their exchange.

The gauge follows the voltage: it falls slowly until the knee, then fast, and sags in
the cold. A device with an empty battery is offline until the battery is changed.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import BatterySettings
from firmware_sim.sensors.fault_change import FaultChange
from firmware_sim.world.step_time import STEP_S

STEP_DAYS = STEP_S / 86_400
AT_KNEE = 60.0  # % on the gauge at the knee
WARM, COLD = 20.0, 30.0  # °C: no sag above WARM; full sag COLD degrees below it
FAULTS = ("low_battery", "offline")


class Batteries:
    """All batteries of a town; `ends`: when each is empty, days from the start."""

    def __init__(self, settings: BatterySettings, rows: int, seed: int) -> None:
        self._settings = settings
        stream = RandomStream(seed, "batteries")
        ending = stream.happens(settings.ending, rows)
        soon = stream.between(*settings.ending_days, rows)
        later = settings.life_days * stream.between(0.3, 1, rows)
        self.ends: F64 = np.where(ending, soon, later).round(3)
        self._wait = settings.change_days * stream.exponential(rows)
        self.alive: NDArray[np.bool_] = np.ones(rows, np.bool_)
        self.changed: I64 = np.zeros(0, np.int64)  # rows, in the last step
        if settings.life_days == 0:
            self.ends = np.full(rows, np.inf)

    def step(self, number: int) -> list[FaultChange]:
        """Advance to the end of step `number`; return faults that began or ended."""
        now = (number + 1) * STEP_DAYS
        dead = np.flatnonzero(self.alive & (self.ends <= now))
        changed = np.flatnonzero(~self.alive & (self.ends + self._wait <= now))
        self.changed = changed
        self.alive[dead], self.alive[changed] = False, True
        self.ends[changed] = now + self._settings.life_days
        return [
            *(
                FaultChange(row, True, fault)
                for row in dead.tolist()
                for fault in FAULTS
            ),
            *(
                FaultChange(row, False, fault)
                for row in changed.tolist()
                for fault in FAULTS
            ),
        ]

    def percent(self, number: int, rows: I64, celsius: F64) -> I64:
        """Return what the gauges of some devices show, whole %."""
        settings = self._settings
        if settings.life_days == 0:
            return np.full(len(rows), 100)
        left = (self.ends[rows] - number * STEP_DAYS) / settings.life_days
        after = 1 - settings.knee
        high = AT_KNEE + (100 - AT_KNEE) * (left - after) / settings.knee
        gauge = np.where(left < after, AT_KNEE * left / after, high)
        sag = settings.cold_sag * np.clip((WARM - celsius) / COLD, 0, 1)
        shown = np.round(gauge * (1 - sag))
        return np.asarray(np.clip(shown, 1, 100), np.int64)
