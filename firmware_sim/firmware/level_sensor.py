"""Firmware of the level sensors: a measurement every 15 minutes, a report per period.

A change since the last report is reported at once if a second measurement confirms it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.catalogue import MODELS, LevelReport
from firmware_sim.families.device_commands import thresholds
from firmware_sim.families.versions import OLD
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed_versions import InstalledVersions
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime

CONFIRM = 0.5  # least share of the change that the second measurement has to show
TILTED = 30.0  # °
Measure = Callable[[I64], F64]
Mask = NDArray[np.bool_]


class LevelConditions(NamedTuple):
    """Inputs of level sensors besides the echo, by sensor."""

    celsius: F64
    tilt: F64  # °
    can_send: Mask
    no_echo: Mask  # at the last measurement


class LevelColumns(NamedTuple):
    """Values to report, by report."""

    distance_cm: F64
    celsius: F64
    tilt: F64  # °
    charge: I64  # %
    no_echo: Mask


class LevelFirmware:
    """All level sensors: phases, last reports, sequence counters, thresholds."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, installed: InstalledVersions
    ) -> None:
        self._installed = installed
        n = fleet.bins
        stream = RandomStream(seed, "level firmware")
        usual = max(round(scenario.report.measure_min * 60 / STEP_S), 1)
        self._usual, self._interval = usual, np.full(n, usual)
        self._period = np.round(fleet.period_min * 60 / STEP_S / self._interval)
        self._phase = (stream.uniform(n) * self._interval).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        # measurements until the next report
        self._until_report = np.floor(stream.uniform(n) * self._period)
        self._reported: F64 = np.full(n, np.nan)
        counted = (stream.uniform(n) * 5000).astype(np.int64)
        self._seq: I64 = np.where(fleet.keeps_counter()[:n], counted, -1)
        self._hot: F64 = np.full(n, scenario.report.alarm_celsius)
        self._near: F64 = np.full(n, -np.inf)  # cm; alarm below
        self._far: F64 = np.full(n, np.inf)  # cm; alarm above
        self._shapes = fleet.shapes
        self._alarm: Mask = np.zeros(n, np.bool_)
        self._gateway_ids = fleet.gateway_ids()
        self._families = fleet.families
        self._models = [MODELS.get(family) for family in fleet.families]
        points = scenario.report.event_points or np.inf
        self._change = points * fleet.shapes.height_cm / 100

    def step(
        self,
        now: StepTime,
        measure: Measure,
        conditions: LevelConditions,
        batteries: Batteries,
    ) -> Iterator[DeviceFrame]:
        """Yield the frames of one step; `measure(rows)` returns distances in cm."""
        awake = (now.number + self._phase) % self._interval == 0
        rows = np.flatnonzero(awake & conditions.can_send)
        if not len(rows):
            return
        distance = measure(rows)
        self._until_report[rows] -= 1
        due = self._until_report[rows] < 0
        due |= self._alarm_changed(rows, distance, conditions)
        jump = np.flatnonzero(
            ~due & (np.abs(distance - self._reported[rows]) >= self._change[rows])
        )
        if len(jump):
            second = measure(rows[jump])
            change = distance[jump] - self._reported[rows[jump]]
            confirmed = (second - self._reported[rows[jump]]) / change >= CONFIRM
            distance[jump] = second
            due[jump[confirmed]] = True
        rows, distance = rows[due], distance[due]
        self._until_report[rows] = self._period[rows] - 1
        self._reported[rows] = distance
        celsius = conditions.celsius[rows]
        charge = batteries.percent(now.number, rows, celsius)
        if self._installed.has_flaws:
            charge = self._installed.gauges(rows, charge)
        tilt, no_echo = conditions.tilt[rows], conditions.no_echo[rows]
        values = LevelColumns(distance, celsius, tilt, charge, no_echo)
        yield from self._frames(now, rows, values)

    def reset_counter(self, rows: I64) -> None:
        """Let the next uplink have sequence number 0."""
        self._seq[rows] = -1

    def set_interval(self, row: int, seconds: float) -> int:
        """Set the report interval, rounded to five minutes; return it in ms.

        The device measures at its usual interval, or more often if it has to.
        """
        steps = max(round(seconds / STEP_S), 1)
        measures = next(n for n in range(self._usual, 0, -1) if steps % n == 0)
        self._interval[row], self._period[row] = measures, steps // measures
        self._until_report[row] = min(self._until_report[row], self._period[row] - 1)
        return steps * STEP_MS

    def set_thresholds(self, row: int, limits: object) -> bool:
        """Set the limits beyond which a device reports at once; False if none fits.

        `limits`: by measurement, see `device_commands.thresholds`.
        """
        found = thresholds(limits)
        if "fill_level" in found:
            low, high = found.pop("fill_level")
            found["distance"] = self._distance(row, high), self._distance(row, low)
        if "distance" in found:
            self._near[row], self._far[row] = (x / 10 for x in found["distance"])
        if "temperature" in found:
            self._hot[row] = found["temperature"][1]
        return bool(found)

    def _distance(self, row: int, fill: float) -> float:
        """Return the distance at a fill (%), mm."""
        if abs(fill) == np.inf:
            return -fill
        shapes, one = self._shapes, np.zeros(len(self._shapes.kind))
        one[row] = fill
        below = shapes.height_cm[row] * (1 - shapes.level(one)[row] / 100)
        return float(10 * (shapes.head_cm[row] + below))

    def next_seq(self, row: int) -> int:
        """Return the sequence number of an additional uplink."""
        self._seq[row] += 1
        return int(self._seq[row]) & 0xFFFF

    def restart(self, rows: I64) -> None:
        """Restart devices: counters begin at 0, the next measurement is reported."""
        self.reset_counter(rows)
        self._until_report[rows] = 0
        self._reported[rows] = np.nan

    def _alarm_changed(
        self, rows: I64, distance: F64, conditions: LevelConditions
    ) -> Mask:
        """Return whose alarm (heat, tilt or threshold) began or ended."""
        alarm = conditions.celsius[rows] >= self._hot[rows]
        alarm |= conditions.tilt[rows] >= TILTED
        alarm |= (distance < self._near[rows]) | (distance > self._far[rows])
        changed: Mask = alarm != self._alarm[rows]
        self._alarm[rows] = alarm
        return changed

    def _frames(
        self, now: StepTime, rows: I64, values: LevelColumns
    ) -> Iterator[DeviceFrame]:
        self._seq[rows] += 1
        distances = np.round(values.distance_cm * 10).astype(np.int64)
        valid, old = np.ones(len(rows), np.bool_), self._installed.old
        if self._installed.has_flaws:
            made = self._installed.distances(rows, distances, values.no_echo)
            distances, valid = made
        columns = (
            (now.at - STEP_MS + self._offset[rows]).tolist(),
            rows.tolist(),
            (self._seq[rows] & 0xFFFF).tolist(),
            distances.tolist(),
            values.celsius.tolist(),
            values.tilt.tolist(),
            values.charge.tolist(),
            valid.tolist(),
        )
        for at, row, seq, mm, celsius, tilt, charge, is_valid in zip(
            *columns, strict=True
        ):
            gateway = self._gateway_ids[row]
            if model := self._models[row]:
                encode = OLD[self._families[row]] if row in old else model.encode
                data = encode(LevelReport(mm, celsius, tilt, charge, row, is_valid))
                yield DeviceFrame(at, row, seq, "", gateway, model.port, data)
                continue
            record = f'{{"distance":{mm},"temperature":{celsius:.1f},"battery":{charge}'
            record += f',"tilt":{tilt:.0f}}}' if tilt else "}"
            yield DeviceFrame(at, row, seq, record, gateway)
