"""Firmware of the native toilet sensor: gas, climate and people, every few minutes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.chance import F64, I64, Stream
from firmware_sim.families.catalogue import MODELS, Air
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import Frame
from firmware_sim.scenario.settings import Gas
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.moment import STEP_MS, STEP_S, Moment

GASES = '"nh3":{:.2f},"h2s":{:.3f},'
CLIMATE = '"temperature":{:.1f},"humidity":{:.0f},'
Alive = NDArray[np.bool_]
PEOPLE = '"count_in":{},"count_out":{},"battery":{}}}'


class Sensed(NamedTuple):
    """What the sensors of all toilets say."""

    nh3: F64  # ppm; NaN: no value
    h2s: F64  # ppm; NaN: no value
    celsius: F64
    humidity: F64  # %
    entered: I64
    left: I64


class RoomFirmware:
    """All toilet sensors: the last rows of a town's devices."""

    def __init__(self, settings: Gas, fleet: Fleet, seed: int) -> None:
        stream = Stream(seed, "room firmware")
        self._first, n = fleet.bins, fleet.rows - fleet.bins
        self._came: I64 = np.zeros(n, np.int64)  # before the last restart
        self._went: I64 = np.zeros(n, np.int64)
        self._vias = fleet.vias()
        self._models = [MODELS.get(family) for family in fleet.families]
        self._every = max(round(settings.report_min * 60 / STEP_S), 1)
        self._phase = (stream.uniform(n) * self._every).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        counted = (stream.uniform(n) * 5000).astype(np.int64)
        self._seq: I64 = np.where(fleet.counting()[self._first :], counted, -1)

    def count_anew(self, rows: I64) -> None:
        """The next uplink is number 0."""
        self._seq[rows] = -1

    def restart(self, rows: I64, entered: I64, left: I64) -> None:
        """Devices begin anew: they count from 0, people too (by room: totals now)."""
        self.count_anew(rows)
        self._came[rows], self._went[rows] = entered[rows], left[rows]

    def step(
        self, now: Moment, sensed: Sensed, batteries: Batteries, alive: Alive
    ) -> Iterator[Frame]:
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
        charge = batteries.percent(now.number, own, sensed.celsius[rows]).tolist()
        columns = [column[rows].tolist() for column in sensed]
        for row, when, number, left, nh3, h2s, warm, wet, came, went in zip(
            own.tolist(), at, seq, charge, *columns, strict=True
        ):
            if model := self._models[row]:
                data = model.encode(Air(nh3, h2s, warm, wet, left))
                yield Frame(when, row, number, "", self._vias[row], model.port, data)
                continue
            gases = GASES.format(nh3, h2s) if nh3 == nh3 else ""
            values = gases + CLIMATE.format(warm, wet) + PEOPLE.format(came, went, left)
            yield Frame(when, row, number, f"{{{values}", self._vias[row])
