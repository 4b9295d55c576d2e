"""Firmware of the native toilet sensor: gas, climate and people, every few minutes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.catalogue import MODELS, AirReport
from firmware_sim.families.versions import OLD
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.installed import H2S, NH3, InstalledVersions
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.rooms import GasSettings
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime

GASES = '"nh3":{:.2f},"h2s":{:.3f},'
CLIMATE = '"temperature":{:.1f},"humidity":{:.0f},'
Alive = NDArray[np.bool_]
PEOPLE = '"count_in":{},"count_out":{},"battery":{}}}'


class ToiletValues(NamedTuple):
    """What the sensors of all toilets say."""

    nh3: F64  # ppm; NaN: no value
    h2s: F64  # ppm; NaN: no value
    celsius: F64
    humidity: F64  # %
    entered: I64
    left: I64

    def of(self, rows: I64) -> "ToiletValues":
        """The same of some of them."""
        gases, climate = (self.nh3[rows], self.h2s[rows]), (self.celsius[rows],)
        people = self.entered[rows], self.left[rows]
        return ToiletValues(*gases, *climate, self.humidity[rows], *people)


class ToiletFirmware:
    """All toilet sensors: the last rows of a town's devices."""

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
        self._came: I64 = np.zeros(n, np.int64)  # before the last restart
        self._went: I64 = np.zeros(n, np.int64)
        self._vias = fleet.vias()
        self._models = [MODELS.get(family) for family in fleet.families]
        every = max(round(settings.report_min * 60 / STEP_S), 1)
        self._every = np.full(n, every)
        self._phase = (stream.uniform(n) * self._every).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        counted = (stream.uniform(n) * 5000).astype(np.int64)
        self._seq: I64 = np.where(fleet.counting()[self._first :][:n], counted, -1)

    def count_anew(self, rows: I64) -> None:
        """The next uplink is number 0."""
        self._seq[rows] = -1

    def next_seq(self, row: int) -> int:
        """The number of one more uplink, by the device's row."""
        self._seq[row - self._first] += 1
        return int(self._seq[row - self._first]) & 0xFFFF

    def every(self, row: int, seconds: float) -> int:
        """A device reports every so many seconds from now on; answers it in ms.

        In steps of five minutes.
        """
        steps = max(round(seconds / STEP_S), 1)
        self._every[row - self._first] = steps
        return steps * STEP_MS

    def restart(self, rows: I64, entered: I64, left: I64) -> None:
        """Devices begin anew: they count from 0, people too (by room: totals now)."""
        self.count_anew(rows)
        self._came[rows], self._went[rows] = entered[rows], left[rows]

    def step(
        self, now: StepTime, sensed: ToiletValues, batteries: Batteries, alive: Alive
    ) -> Iterator[DeviceFrame]:
        """The frames of a step."""
        awake = (now.number + self._phase) % self._every == 0
        rows = np.flatnonzero(awake & alive)
        self._seq[rows] += 1
        at = (now.at - STEP_MS + self._offset[rows]).tolist()
        seq = (self._seq[rows] & 0xFFFF).tolist()
        own = rows + self._first
        sensed = sensed._replace(
            entered=sensed.entered - self._came, left=sensed.left - self._went
        )
        sensed = sensed.of(rows)
        charge = batteries.percent(now.number, own, sensed.celsius)
        if self._installed.any:
            sensed, charge = self._flawed(own, sensed, charge)
        columns = [column.tolist() for column in (*sensed, charge)]
        broken, old = self._installed.broken(own).tolist(), self._installed.old
        for row, when, number, bad, nh3, h2s, warm, wet, came, went, left in zip(
            own.tolist(), at, seq, broken, *columns, strict=True
        ):
            if model := self._models[row]:
                encode = OLD[self._families[row]] if row in old else model.encode
                data = encode(AirReport(nh3, h2s, warm, wet, left, bad))
                yield DeviceFrame(
                    when, row, number, "", self._vias[row], model.port, data
                )
                continue
            gases = GASES.format(nh3, h2s) if nh3 == nh3 else ""
            values = gases + CLIMATE.format(warm, wet) + PEOPLE.format(came, went, left)
            yield DeviceFrame(when, row, number, f"{{{values}", self._vias[row])

    def _flawed(
        self, rows: I64, sensed: ToiletValues, charge: I64
    ) -> tuple[ToiletValues, I64]:
        """What versions with a flaw make of it."""
        made = self._installed
        gases = made.gas(rows, sensed.nh3, NH3), made.gas(rows, sensed.h2s, H2S)
        people = made.people(rows, sensed.entered), made.people(rows, sensed.left)
        sensed = sensed._replace(nh3=gases[0], h2s=gases[1])
        sensed = sensed._replace(entered=people[0], left=people[1])
        return sensed, made.gauges(rows, charge)
