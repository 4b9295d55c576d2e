"""Rain over a zone: fewer people go out, and the air of toilets is damp."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.settings import RainSettings
from firmware_sim.world.step_time import STEP_H

Mask = NDArray[np.bool_]


class RainChange(NamedTuple):
    """It begins to rain over a zone, or ends (`on` False)."""

    zone: int
    on: bool


class RainModel:
    """Where it rains, by zone."""

    def __init__(self, settings: RainSettings, zones: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "rain")
        self._left_h: F64 = np.zeros(zones)

    def step(self) -> list[RainChange]:
        """Showers that begin or end in a step."""
        settings, n = self._settings, len(self._left_h)
        if not settings.per_day:
            return []
        was = self._left_h > 0
        self._left_h = np.maximum(self._left_h - STEP_H, 0)
        chance = settings.per_day * STEP_H / 24
        begins = ~was & self._stream.happens(chance, n)
        lasts = self._stream.between(*settings.hours, n)
        self._left_h = np.where(begins, lasts, self._left_h)
        now = self._left_h > 0
        changed = np.flatnonzero(now != was).tolist()
        return [RainChange(zone, bool(now[zone])) for zone in changed]

    def factor(self, zone: I64) -> F64:
        """Times the usual deposits and visits, by asset."""
        return np.where(self._left_h[zone] > 0, self._settings.factor, 1.0)

    def humidity(self, zone: I64) -> F64:
        """% in toilets."""
        settings = self._settings
        return np.where(self._left_h[zone] > 0, settings.wet, settings.dry)
