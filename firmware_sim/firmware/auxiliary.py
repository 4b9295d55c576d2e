"""Firmware of the auxiliary toilet sensors: people, paper, water, cubicles.

They report at a fixed interval, and at once when a floor becomes wet or dry or a
cubicle becomes occupied or free.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.families.auxiliary import AUXILIARY, OCCUPIED, WET, AuxiliaryReport
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.toilet_sensor import Mask
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.toilets import FixtureSettings
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.fixtures import FixtureState
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime


class ToiletConditions(NamedTuple):
    """What auxiliary sensors measure, columns by toilet."""

    people: I64  # total since the start
    fixtures: FixtureState
    celsius: F64
    humidity: F64  # %


class AuxiliaryFirmware:
    """All auxiliary sensors: the last rows of a town's devices."""

    def __init__(self, settings: FixtureSettings, fleet: Fleet, seed: int) -> None:
        stream = RandomStream(seed, "beside firmware")
        self._first = fleet.bins + fleet.toilets
        n = fleet.rows - self._first
        self._toilet: I64 = fleet.asset_row[self._first :] - fleet.bins
        self._families = fleet.families[self._first :]
        self._gateway_ids = fleet.gateway_ids()
        self._interval = np.full(n, max(round(settings.report_min * 60 / STEP_S), 1))
        self._phase = (stream.uniform(n) * self._interval).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        self._seq: I64 = np.full(n, -1)
        self._at_restart: I64 = np.zeros(n, np.int64)  # people in total by then
        self._at_report: I64 = np.zeros(n, np.int64)  # people in total by then
        self._flag = np.zeros(n, np.bool_)
        self._reports_water = np.array([f in WET for f in self._families], np.bool_)
        self._reports_door = np.array([f in OCCUPIED for f in self._families], np.bool_)

    def reset_counter(self, rows: I64) -> None:
        """Let the next uplink have sequence number 0."""
        self._seq[rows] = -1

    def restart(self, rows: I64, people: I64) -> None:
        """Restart devices: counters begin at 0; `people`: current total by toilet."""
        self.reset_counter(rows)
        self._at_restart[rows] = self._at_report[rows] = people[self._toilet[rows]]

    def next_seq(self, row: int) -> int:
        """Return the sequence number of an additional uplink; `row`: of the device."""
        self._seq[row - self._first] += 1
        return int(self._seq[row - self._first]) & 0xFFFF

    def set_interval(self, row: int, seconds: float) -> int:
        """Set the report interval, rounded to five minutes; return it in ms."""
        steps = max(round(seconds / STEP_S), 1)
        self._interval[row - self._first] = steps
        return steps * STEP_MS

    def step(
        self,
        now: StepTime,
        conditions: ToiletConditions,
        batteries: Batteries,
        can_send: Mask,
    ) -> Iterator[DeviceFrame]:
        """Yield the frames of one step."""
        if not len(self._toilet):
            return
        fixtures, toilet = conditions.fixtures, self._toilet
        flag = self._reports_water & fixtures.wet[toilet]
        flag |= self._reports_door & fixtures.occupied[toilet]
        due = (now.number + self._phase) % self._interval == 0
        due |= flag != self._flag
        rows = np.flatnonzero(due & can_send)
        self._flag[rows] = flag[rows]
        self._seq[rows] += 1
        device_rows, at_toilet = rows + self._first, toilet[rows]
        total = conditions.people[at_toilet] - self._at_restart[rows]
        period = conditions.people[at_toilet] - self._at_report[rows]
        self._at_report[rows] = conditions.people[at_toilet]
        celsius = conditions.celsius[at_toilet]
        columns = (
            (now.at - STEP_MS + self._offset[rows]).tolist(),
            rows.tolist(),
            (self._seq[rows] & 0xFFFF).tolist(),
            total.tolist(),
            period.tolist(),
            fixtures.paper[at_toilet].tolist(),
            fixtures.wet[at_toilet].tolist(),
            fixtures.occupied[at_toilet].tolist(),
            celsius.tolist(),
            conditions.humidity[at_toilet].tolist(),
            batteries.percent(now.number, device_rows, celsius).tolist(),
        )
        for (
            at,
            row,
            seq,
            people,
            recent,
            paper,
            wet,
            occupied,
            temp,
            air,
            charge,
        ) in zip(*columns, strict=True):
            family, device = AUXILIARY[self._families[row]], row + self._first
            report = AuxiliaryReport(
                totals=(people, people),
                period=(recent, recent),
                paper=paper,
                wet=wet,
                occupied=occupied,
                celsius=temp,
                humidity=air,
                battery=charge,
                number=seq,
            )
            gateway, data = self._gateway_ids[device], family.encode(report)
            yield DeviceFrame(at, device, seq, "", gateway, family.port, data)
