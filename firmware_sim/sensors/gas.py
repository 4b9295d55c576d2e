"""Electrochemical gas cells: zero error, gain and its drift, noise, alcohol.

The current has a sign: a negative value is reported as it is. A cell that lost its
bias has no value (NaN) until it has settled again.
"""

import numpy as np

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.toilets import GasSettings
from firmware_sim.sensors.fault_change import FaultChange

MONTH_H = 730.0
WEEK_H = 168.0
LEAST_PPM = -10.0
WARMING = "warming_up"
ALCOHOL_MS = 20 * 60_000


class GasCells:
    """All ammonia cells of a town, ppm; `first`: the row of the first device."""

    def __init__(self, settings: GasSettings, n: int, first: int, seed: int) -> None:
        self._first = first
        self._settings = settings
        production = RandomStream(seed, "cells")
        self._zero = settings.zero_ppm * production.normal(n)
        self._gain = 1 + settings.gain * production.normal(n)
        self._drift = settings.drift_month * production.normal(n)
        self._alcohol = production.between(*settings.alcohol_ppm, n)
        self._noise = RandomStream(seed, "gas")
        self._faults = RandomStream(seed, "wandering zeros")
        self._first_zero = self._zero.copy()
        self._drift_h: F64 = np.zeros(n)  # hours until a drifting cell is replaced
        self._speed: F64 = np.zeros(n)  # ppm an hour
        self._cold_h: F64 = np.zeros(n)  # hours until a cell has settled

    def measure(self, true: F64, hours: float, since_ms: I64) -> F64:
        """Measure after `hours` of use; `since_ms`: time since the last cleaning."""
        settings = self._settings
        gain = self._gain + self._drift * hours / MONTH_H
        measured = self._zero + gain * true
        measured = measured + settings.noise_ppm * self._noise.normal(len(true))
        wet = (since_ms >= 0) & (since_ms < ALCOHOL_MS)
        measured = measured + np.where(wet, self._alcohol, 0.0)
        steps = np.round(np.maximum(measured, LEAST_PPM) / settings.quantum_ppm)
        return self.blank(steps * settings.quantum_ppm + 0.0)  # no -0.0

    def blank(self, ppm: F64) -> F64:
        """Replace the values of cells that have not settled by NaN."""
        return np.where(self._cold_h > 0, np.nan, ppm)

    def restart(self, rows: I64, hours: float) -> list[FaultChange]:
        """Let cells settle again, for at least `hours`."""
        begun = rows[self._cold_h[rows] == 0] if hours else rows[:0]
        self._cold_h[rows] = np.maximum(self._cold_h[rows], hours)
        return [FaultChange(self._first + row, True, WARMING) for row in begun.tolist()]

    def advance(self, hours: float) -> list[FaultChange]:
        """Advance by `hours`: cells settle, zeros drift and cells are replaced."""
        settings, n = self._settings, len(self._zero)
        cold = self._cold_h > 0
        self._cold_h = np.maximum(self._cold_h - hours, 0)
        warm = np.flatnonzero(cold & (self._cold_h == 0))
        drifting = self._drift_h > 0
        self._zero += np.where(drifting, self._speed * hours, 0.0)
        self._drift_h = np.maximum(self._drift_h - hours, 0)
        ends = np.flatnonzero(drifting & (self._drift_h == 0))
        self._zero[ends] = self._first_zero[ends]
        chance = settings.wander_per_day * hours / 24
        begins = np.flatnonzero(~drifting & self._faults.happens(chance, n))
        self._begin_drift(begins)
        return [
            *(FaultChange(self._first + row, False, WARMING) for row in warm.tolist()),
            *(FaultChange(self._first + row, False, "drift") for row in ends.tolist()),
            *(FaultChange(self._first + row, True, "drift") for row in begins.tolist()),
        ]

    def _begin_drift(self, rows: I64) -> None:
        """Let the zeros of cells begin to drift, up or down."""
        settings, n = self._settings, len(rows)
        speed = self._faults.between(*settings.wander_week, n) / WEEK_H
        self._speed[rows] = np.where(self._faults.happens(0.5, n), speed, -speed)
        days = self._faults.between(*settings.wander_days, n)
        self._drift_h[rows] = 24 * days
