"""Level sensors by echo: noise, quantum, blind zone, false and missed echoes, stuck.

Sources of the errors: docs/simulator.md. A false near echo comes from somewhere
between the blind zone and the surface; a missed one shows the floor.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.sensors.fault_interval import FaultChange
from firmware_sim.town.shapes import BinShapes

USUAL_CELSIUS = 20.0
DAY_H = 24.0


class EchoSensors:
    """All level sensors of a town; distances in cm below the sensor."""

    def __init__(self, scenario: Scenario, shapes: BinShapes, seed: int) -> None:
        self._settings = scenario.echo
        self._full, self._height = shapes.head_cm, shapes.height_cm
        rows = len(shapes.kind)
        self._noise = RandomStream(seed, "echo")
        self._faults = RandomStream(seed, "stuck")
        self._stuck_h: F64 = np.zeros(rows)  # hours that the spell still lasts
        self._held: F64 = np.zeros(rows)
        self.no_echo: NDArray[np.bool_] = np.zeros(rows, np.bool_)  # at the last one
        self.iced: F64 = np.zeros(rows)  # share of echoes that come from ice

    def measure(self, rows: I64, surface: F64, celsius: F64) -> F64:
        """Distances in cm of some sensors (`surface`: % of the height)."""
        settings, n = self._settings, len(rows)
        floor = self._full[rows] + self._height[rows]
        true = self._full[rows] + self._height[rows] * (1 - surface / 100)
        seen = true + settings.noise_cm * self._noise.normal(n)
        seen *= 1 + settings.temperature_per_k * (celsius - USUAL_CELSIUS)
        u, where = self._noise.uniform(n), self._noise.uniform(n)
        near = u < settings.near
        seen = np.where(
            near, settings.blind_cm + where * (true - settings.blind_cm), seen
        )
        missed = ~near & (u < settings.near + settings.missed)
        seen = np.where(missed, floor, seen)
        seen = np.where(u < self.iced[rows], settings.blind_cm, seen)
        seen = np.clip(seen, settings.blind_cm, floor)
        seen = np.round(seen / settings.quantum_cm) * settings.quantum_cm
        stuck = self._stuck_h[rows] > 0
        seen = np.where(stuck, self._held[rows], seen)
        self._held[rows] = seen
        self.no_echo[rows] = missed & ~stuck
        return seen

    def release(self, rows: I64) -> list[FaultChange]:
        """Sensors that were held for ever are restarted."""
        free = rows[np.isinf(self._stuck_h[rows])]
        self._stuck_h[free] = 0
        return [FaultChange(row, False, "stuck") for row in free.tolist()]

    def hold(self, rows: I64, hours: float) -> list[FaultChange]:
        """Sensors get stuck for so long, those that are not yet."""
        fresh = rows[self._stuck_h[rows] == 0]
        self._stuck_h[fresh] = hours
        return [FaultChange(row, True, "stuck") for row in fresh.tolist()]

    def advance(self, hours: float) -> list[FaultChange]:
        """Let time pass: spells of being stuck begin and end."""
        n = len(self._held)
        held = self._stuck_h > 0
        self._stuck_h = np.maximum(self._stuck_h - hours, 0)
        ends = np.flatnonzero(held & (self._stuck_h == 0))
        chance = self._settings.stuck_per_day * hours / DAY_H
        begins = np.flatnonzero(~held & self._faults.happens(chance, n))
        lasts = self._faults.exponential(len(begins)) * self._settings.stuck_hours
        self._stuck_h[begins] = lasts
        return [
            *(FaultChange(row, False, "stuck") for row in ends.tolist()),
            *(FaultChange(row, True, "stuck") for row in begins.tolist()),
        ]
