"""Electrochemical gas cells: zero error, gain and its drift, noise, alcohol."""

import numpy as np

from firmware_sim.chance import F64, I64, Stream
from firmware_sim.scenario.settings import Gas

MONTH_H = 730.0
ALCOHOL_MS = 20 * 60_000


class Cells:
    """All ammonia cells of a town, ppm."""

    def __init__(self, settings: Gas, n: int, seed: int) -> None:
        self._settings = settings
        birth = Stream(seed, "cells")
        self._zero = settings.zero_ppm * birth.normal(n)
        self._gain = 1 + settings.gain * birth.normal(n)
        self._drift = settings.drift_month * birth.normal(n)
        self._alcohol = birth.between(*settings.alcohol_ppm, n)
        self._noise = Stream(seed, "gas")

    def measure(self, true: F64, hours: float, since_ms: I64) -> F64:
        """What the cells say after `hours` of use, `since_ms` after a cleaning."""
        settings = self._settings
        gain = self._gain + self._drift * hours / MONTH_H
        seen = self._zero + gain * true
        seen = seen + settings.noise_ppm * self._noise.normal(len(true))
        wet = (since_ms >= 0) & (since_ms < ALCOHOL_MS)
        seen = seen + np.where(wet, self._alcohol, 0.0)
        steps = np.round(np.maximum(seen, 0) / settings.quantum_ppm)
        return np.asarray(steps * settings.quantum_ppm)
