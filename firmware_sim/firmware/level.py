"""Firmware of the native level sensor: measures every quarter, reports each period.

A change since the last report is reported at once, when a second measurement says the
same.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.catalogue import MODELS, LevelReport
from firmware_sim.families.commands import thresholds
from firmware_sim.families.versions import OLD
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed import InstalledVersions
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime

CONFIRM = 0.5  # the second measurement shows at least so much of the change
TILTED = 30.0  # °
Measure = Callable[[I64], F64]
Mask = NDArray[np.bool_]


class LevelConditions(NamedTuple):
    """What a level sensor has besides its echo, by sensor."""

    celsius: F64
    tilt: F64  # °
    alive: Mask
    no_echo: Mask  # at the last measurement


class LevelFirmware:
    """All level sensors: phases, last reports, sequence counters, batteries."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, installed: InstalledVersions
    ) -> None:
        self._installed = installed
        n = fleet.bins
        stream = RandomStream(seed, "level firmware")
        usual = max(round(scenario.report.measure_min * 60 / STEP_S), 1)
        self._usual, self._every = usual, np.full(n, usual)
        self._period = np.round(fleet.period_min * 60 / STEP_S / self._every)
        self._phase = (stream.uniform(n) * self._every).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        self._left = np.floor(stream.uniform(n) * self._period)  # measurements to go
        self._told: F64 = np.full(n, np.nan)
        counted = (stream.uniform(n) * 5000).astype(np.int64)
        self._seq: I64 = np.where(fleet.counting()[:n], counted, -1)
        self._hot: F64 = np.full(n, scenario.report.alarm_celsius)
        self._near: F64 = np.full(n, -np.inf)  # cm that are an alarm, and beyond
        self._far: F64 = np.full(n, np.inf)
        self._shapes = fleet.shapes
        self._alarm: Mask = np.zeros(n, np.bool_)
        self._vias = fleet.vias()
        self._families = fleet.families
        self._models = [MODELS.get(family) for family in fleet.families]
        points = scenario.report.event_points or np.inf
        self._change = points * fleet.shapes.height_cm / 100

    def step(
        self,
        now: StepTime,
        measure: Measure,
        around: LevelConditions,
        batteries: Batteries,
    ) -> Iterator[DeviceFrame]:
        """The frames of a step; `measure(rows)` answers distances in cm."""
        awake = (now.number + self._phase) % self._every == 0
        rows = np.flatnonzero(awake & around.alive)
        if not len(rows):
            return
        seen = measure(rows)
        self._left[rows] -= 1
        due = (self._left[rows] < 0) | self._alarmed(rows, seen, around)
        jump = np.flatnonzero(
            ~due & (np.abs(seen - self._told[rows]) >= self._change[rows])
        )
        if len(jump):
            again = measure(rows[jump])
            change = seen[jump] - self._told[rows[jump]]
            same = (again - self._told[rows[jump]]) / change >= CONFIRM
            seen[jump] = again
            due[jump[same]] = True
        rows, seen = rows[due], seen[due]
        self._left[rows] = self._period[rows] - 1
        self._told[rows] = seen
        celsius = around.celsius[rows]
        charge = batteries.percent(now.number, rows, celsius)
        if self._installed.any:
            charge = self._installed.gauges(rows, charge)
        said = (seen, celsius, around.tilt[rows], charge)
        yield from self._frames(now, rows, said, around.no_echo[rows])

    def count_anew(self, rows: I64) -> None:
        """The next uplink is number 0."""
        self._seq[rows] = -1

    def every(self, row: int, seconds: float) -> int:
        """A device reports every so many seconds from now on; answers it in ms.

        In steps of five minutes; it measures as often as usual, or more often.
        """
        steps = max(round(seconds / STEP_S), 1)
        measures = next(n for n in range(self._usual, 0, -1) if steps % n == 0)
        self._every[row], self._period[row] = measures, steps // measures
        self._left[row] = min(self._left[row], self._period[row] - 1)
        return steps * STEP_MS

    def watch(self, row: int, limits: object) -> bool:
        """A device reports at once beyond limits: (least, most mm), or by name."""
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
        """What a sensor sees at a fill, mm."""
        if abs(fill) == np.inf:
            return -fill
        shapes, one = self._shapes, np.zeros(len(self._shapes.kind))
        one[row] = fill
        below = shapes.height_cm[row] * (1 - shapes.level(one)[row] / 100)
        return float(10 * (shapes.head_cm[row] + below))

    def next_seq(self, row: int) -> int:
        """The number of one more uplink."""
        self._seq[row] += 1
        return int(self._seq[row]) & 0xFFFF

    def restart(self, rows: I64) -> None:
        """Devices begin anew: they count from 0 and report at once."""
        self.count_anew(rows)
        self._left[rows] = 0
        self._told[rows] = np.nan

    def _alarmed(self, rows: I64, seen: F64, around: LevelConditions) -> Mask:
        """Who is hot, lies or is beyond a threshold now, or is so no more."""
        alarm = around.celsius[rows] >= self._hot[rows]
        alarm |= around.tilt[rows] >= TILTED
        alarm |= (seen < self._near[rows]) | (seen > self._far[rows])
        fresh: Mask = alarm != self._alarm[rows]
        self._alarm[rows] = alarm
        return fresh

    def _frames(
        self, now: StepTime, rows: I64, said: tuple[F64, F64, F64, I64], no_echo: Mask
    ) -> Iterator[DeviceFrame]:
        seen, celsius, tilt, charge = said
        self._seq[rows] += 1
        distances = np.round(seen * 10).astype(np.int64)
        heard, old = np.ones(len(rows), np.bool_), self._installed.old
        if self._installed.any:
            distances, heard = self._installed.distances(rows, distances, no_echo)
        columns = (
            (now.at - STEP_MS + self._offset[rows]).tolist(),
            rows.tolist(),
            (self._seq[rows] & 0xFFFF).tolist(),
            distances.tolist(),
            celsius.tolist(),
            tilt.tolist(),
            charge.tolist(),
            heard.tolist(),
        )
        for at, row, seq, mm, warm, lies, left, well in zip(*columns, strict=True):
            if model := self._models[row]:
                encode = OLD[self._families[row]] if row in old else model.encode
                data = encode(LevelReport(mm, warm, lies, left, row, well))
                yield DeviceFrame(at, row, seq, "", self._vias[row], model.port, data)
                continue
            values = f'{{"distance":{mm},"temperature":{warm:.1f},"battery":{left}'
            values += f',"tilt":{lies:.0f}}}' if lies else "}"
            yield DeviceFrame(at, row, seq, values, self._vias[row])
