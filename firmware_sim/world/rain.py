"""Rain over a zone: fewer deposits and visits, humid air in toilets."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import RainSettings
from firmware_sim.world.step_time import STEP_H

Mask = NDArray[np.bool_]


class RainChange(NamedTuple):
    """Rain over a zone begins (`on`) or ends."""

    zone: int
    on: bool


class RainModel:
    """Showers by zone."""

    def __init__(self, settings: RainSettings, zones: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "rain")
        self._left_h: F64 = np.zeros(zones)  # hours of rain left

    def step(self) -> list[RainChange]:
        """Advance by one step and return the showers that began or ended."""
        settings, n = self._settings, len(self._left_h)
        if not settings.per_day:
            return []
        was_raining = self._left_h > 0
        self._left_h = np.maximum(self._left_h - STEP_H, 0)
        chance = settings.per_day * STEP_H / 24
        begins = ~was_raining & self._stream.happens(chance, n)
        hours = self._stream.between(*settings.hours, n)
        self._left_h = np.where(begins, hours, self._left_h)
        raining = self._left_h > 0
        changed = np.flatnonzero(raining != was_raining).tolist()
        return [RainChange(zone, bool(raining[zone])) for zone in changed]

    def factor(self, zone: I64) -> F64:
        """Return the factor of deposits and visits, by asset; `zone`: of each asset."""
        return np.where(self._left_h[zone] > 0, self._settings.factor, 1.0)

    def humidity(self, zone: I64) -> F64:
        """Return the humidity in toilets, %; `zone`: of each toilet."""
        settings = self._settings
        return np.where(self._left_h[zone] > 0, settings.wet, settings.dry)
