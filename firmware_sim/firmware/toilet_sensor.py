"""Firmware of the toilet sensors: gas, climate and people at a fixed interval."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.catalogue import MODELS, AirReport
from firmware_sim.families.versions import OLD
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed_versions import H2S, NH3, InstalledVersions
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.toilets import GasSettings
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime

GASES = '"nh3":{:.2f},"h2s":{:.3f},'
CLIMATE = '"temperature":{:.1f},"humidity":{:.0f},'
PEOPLE = '"count_in":{},"count_out":{},"battery":{}}}'
Mask = NDArray[np.bool_]


class ToiletValues(NamedTuple):
    """Values of the sensors, columns by toilet."""

    nh3: F64  # ppm; NaN: no value
    h2s: F64  # ppm; NaN: no value
    celsius: F64
    humidity: F64  # %
    entered: I64
    left: I64

    def rows(self, rows: I64) -> "ToiletValues":
        """Return the values of some toilets."""
        return ToiletValues(
            nh3=self.nh3[rows],
            h2s=self.h2s[rows],
            celsius=self.celsius[rows],
            humidity=self.humidity[rows],
            entered=self.entered[rows],
            left=self.left[rows],
        )


class ToiletFirmware:
    """The first sensor of each toilet."""

    def __init__(
        self,
        settings: GasSettings,
        fleet: Fleet,
        seed: int,
        installed: InstalledVersions,
    ) -> None:
        self._installed = installed
        self._families = fleet.families
        stream = RandomStream(seed, "room firmware")
        self._first, n = fleet.bins, fleet.toilets
        self._entered_before: I64 = np.zeros(n, np.int64)  # the last restart
        self._left_before: I64 = np.zeros(n, np.int64)
        self._gateway_ids = fleet.gateway_ids()
        self._models = [MODELS.get(family) for family in fleet.families]
        interval = max(round(settings.report_min * 60 / STEP_S), 1)
        self._interval = np.full(n, interval)
        self._phase = (stream.uniform(n) * self._interval).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        counted = (stream.uniform(n) * 5000).astype(np.int64)
        keeps_counter = fleet.keeps_counter()[self._first :][:n]
        self._seq: I64 = np.where(keeps_counter, counted, -1)

    def reset_counter(self, rows: I64) -> None:
        """Let the next uplink have sequence number 0."""
        self._seq[rows] = -1

    def next_seq(self, row: int) -> int:
        """Return the sequence number of an additional uplink; `row`: of the device."""
        self._seq[row - self._first] += 1
        return int(self._seq[row - self._first]) & 0xFFFF

    def set_interval(self, row: int, seconds: float) -> int:
        """Set the report interval, rounded to five minutes; return it in ms."""
        steps = max(round(seconds / STEP_S), 1)
        self._interval[row - self._first] = steps
        return steps * STEP_MS

    def restart(self, rows: I64, entered: I64, left: I64) -> None:
        """Restart devices: sequence and people counters begin at 0.

        `entered`, `left`: current totals by toilet.
        """
        self.reset_counter(rows)
        self._entered_before[rows] = entered[rows]
        self._left_before[rows] = left[rows]

    def step(
        self, now: StepTime, values: ToiletValues, batteries: Batteries, can_send: Mask
    ) -> Iterator[DeviceFrame]:
        """Yield the frames of one step."""
        awake = (now.number + self._phase) % self._interval == 0
        rows = np.flatnonzero(awake & can_send)
        self._seq[rows] += 1
        at = (now.at - STEP_MS + self._offset[rows]).tolist()
        seq = (self._seq[rows] & 0xFFFF).tolist()
        device_rows = rows + self._first
        values = values._replace(
            entered=values.entered - self._entered_before,
            left=values.left - self._left_before,
        )
        values = values.rows(rows)
        charge = batteries.percent(now.number, device_rows, values.celsius)
        if self._installed.has_flaws:
            values = self._with_flaws(device_rows, values)
            charge = self._installed.gauges(device_rows, charge)
        columns = [column.tolist() for column in (*values, charge)]
        broken = self._installed.cell_broken(device_rows).tolist()
        old = self._installed.old
        for (
            row,
            when,
            number,
            bad,
            nh3,
            h2s,
            warm,
            humid,
            entered,
            left,
            battery,
        ) in zip(device_rows.tolist(), at, seq, broken, *columns, strict=True):
            gateway = self._gateway_ids[row]
            if model := self._models[row]:
                encode = OLD[self._families[row]] if row in old else model.encode
                data = encode(AirReport(nh3, h2s, warm, humid, battery, bad))
                yield DeviceFrame(when, row, number, "", gateway, model.port, data)
                continue
            gases = GASES.format(nh3, h2s) if nh3 == nh3 else ""
            people = PEOPLE.format(entered, left, battery)
            record = f"{{{gases}{CLIMATE.format(warm, humid)}{people}"
            yield DeviceFrame(when, row, number, record, gateway)

    def _with_flaws(self, rows: I64, values: ToiletValues) -> ToiletValues:
        """Return the values as flawed versions report them."""
        installed = self._installed
        return values._replace(
            nh3=installed.gas(rows, values.nh3, NH3),
            h2s=installed.gas(rows, values.h2s, H2S),
            entered=installed.people(rows, values.entered),
            left=installed.people(rows, values.left),
        )
