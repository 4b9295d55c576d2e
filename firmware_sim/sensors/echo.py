"""Echo level sensors: noise, resolution, blind zone, false and missed echoes, sticking.

The sources of the errors: docs/simulator.md. A false echo lies anywhere between the
blind zone and the surface; a missed echo reads the floor.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.sensors.fault_change import FaultChange
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
        self._stuck_h: F64 = np.zeros(rows)  # hours until it ends
        self._last: F64 = np.zeros(rows)
        self.no_echo: NDArray[np.bool_] = np.zeros(
            rows, np.bool_
        )  # at the last measurement
        self.iced: F64 = np.zeros(rows)  # share of echoes from ice

    def measure(self, rows: I64, surface: F64, celsius: F64) -> F64:
        """Measure distances in cm; `surface`: level, % of the height."""
        settings, n = self._settings, len(rows)
        floor = self._full[rows] + self._height[rows]
        true = self._full[rows] + self._height[rows] * (1 - surface / 100)
        measured = true + settings.noise_cm * self._noise.normal(n)
        measured *= 1 + settings.temperature_per_k * (celsius - USUAL_CELSIUS)
        u, position = self._noise.uniform(n), self._noise.uniform(n)
        near = u < settings.near
        measured = np.where(
            near, settings.blind_cm + position * (true - settings.blind_cm), measured
        )
        missed = ~near & (u < settings.near + settings.missed)
        measured = np.where(missed, floor, measured)
        measured = np.where(u < self.iced[rows], settings.blind_cm, measured)
        measured = np.clip(measured, settings.blind_cm, floor)
        measured = np.round(measured / settings.quantum_cm) * settings.quantum_cm
        stuck = self._stuck_h[rows] > 0
        measured = np.where(stuck, self._last[rows], measured)
        self._last[rows] = measured
        self.no_echo[rows] = missed & ~stuck
        return measured

    def release(self, rows: I64) -> list[FaultChange]:
        """End sticking that only a restart ends; `rows`: restarted sensors."""
        ended = rows[np.isinf(self._stuck_h[rows])]
        self._stuck_h[ended] = 0
        return [FaultChange(row, False, "stuck") for row in ended.tolist()]

    def hold(self, rows: I64, hours: float) -> list[FaultChange]:
        """Make sensors stick for `hours`; those that already stick are not changed."""
        begun = rows[self._stuck_h[rows] == 0]
        self._stuck_h[begun] = hours
        return [FaultChange(row, True, "stuck") for row in begun.tolist()]

    def advance(self, hours: float) -> list[FaultChange]:
        """Advance by `hours`; return sensors that begin or cease to stick."""
        n = len(self._last)
        was_stuck = self._stuck_h > 0
        self._stuck_h = np.maximum(self._stuck_h - hours, 0)
        ends = np.flatnonzero(was_stuck & (self._stuck_h == 0))
        chance = self._settings.stuck_per_day * hours / DAY_H
        begins = np.flatnonzero(~was_stuck & self._faults.happens(chance, n))
        durations = self._faults.exponential(len(begins))
        self._stuck_h[begins] = durations * self._settings.stuck_hours
        return [
            *(FaultChange(row, False, "stuck") for row in ends.tolist()),
            *(FaultChange(row, True, "stuck") for row in begins.tolist()),
        ]
