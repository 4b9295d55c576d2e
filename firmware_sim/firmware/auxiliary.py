"""Firmware of the sensors beside a toilet's gas sensor: every so often, and at once
where a floor gets wet or dry, or a cubicle is taken or free."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.families.auxiliary import AUXILIARY, OCCUPIED, WET, AuxiliaryReport
from firmware_sim.firmware.battery import Batteries
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.firmware.room import Alive
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.rooms import FixtureSettings
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.fixtures import FixtureState
from firmware_sim.world.step_time import STEP_MS, STEP_S, StepTime


class ToiletConditions(NamedTuple):
    """A toilet as these sensors see it, columns by toilet."""

    people: I64  # in all
    fixtures: FixtureState
    celsius: F64
    humidity: F64  # %


class AuxiliaryFirmware:
    """All such sensors: the last rows of a town's devices."""

    def __init__(self, settings: FixtureSettings, fleet: Fleet, seed: int) -> None:
        stream = RandomStream(seed, "beside firmware")
        self._first = fleet.bins + fleet.toilets
        n = fleet.rows - self._first
        self._room: I64 = fleet.owner[self._first :] - fleet.bins
        self._families = fleet.families[self._first :]
        self._vias = fleet.vias()
        self._every = np.full(n, max(round(settings.report_min * 60 / STEP_S), 1))
        self._phase = (stream.uniform(n) * self._every).astype(np.int64)
        self._offset = (stream.uniform(n) * STEP_MS).astype(np.int64)
        self._seq: I64 = np.full(n, -1)
        self._before: I64 = np.zeros(n, np.int64)  # people, before the last restart
        self._told: I64 = np.zeros(n, np.int64)  # people, at the last report
        self._flag = np.zeros(n, np.bool_)
        self._wet = np.array([family in WET for family in self._families], np.bool_)
        self._door = np.array([f in OCCUPIED for f in self._families], np.bool_)

    def count_anew(self, rows: I64) -> None:
        """The next uplink is number 0."""
        self._seq[rows] = -1

    def restart(self, rows: I64, people: I64) -> None:
        """Devices begin anew: numbers and people from 0 (`people`: by toilet, now)."""
        self.count_anew(rows)
        self._before[rows] = self._told[rows] = people[self._room[rows]]

    def next_seq(self, row: int) -> int:
        """The number of one more uplink, by the device's row."""
        self._seq[row - self._first] += 1
        return int(self._seq[row - self._first]) & 0xFFFF

    def every(self, row: int, seconds: float) -> int:
        """A device reports every so many seconds from now on; answers it in ms."""
        steps = max(round(seconds / STEP_S), 1)
        self._every[row - self._first] = steps
        return steps * STEP_MS

    def step(
        self, now: StepTime, felt: ToiletConditions, batteries: Batteries, alive: Alive
    ) -> Iterator[DeviceFrame]:
        """The frames of a step."""
        if not len(self._room):
            return
        seen, room = felt.fixtures, self._room
        flag = self._wet & seen.wet[room] | self._door & seen.occupied[room]
        due = (now.number + self._phase) % self._every == 0
        due |= flag != self._flag
        rows = np.flatnonzero(due & alive)
        self._flag[rows] = flag[rows]
        self._seq[rows] += 1
        own, mine = rows + self._first, room[rows]
        total = felt.people[mine] - self._before[rows]
        fresh = felt.people[mine] - self._told[rows]
        self._told[rows] = felt.people[mine]
        charge = batteries.percent(now.number, own, felt.celsius[mine])
        columns = (
            (now.at - STEP_MS + self._offset[rows]).tolist(),
            *(rows.tolist(), (self._seq[rows] & 0xFFFF).tolist()),
            *(total.tolist(), fresh.tolist(), seen.paper[mine].tolist()),
            *(seen.wet[mine].tolist(), seen.occupied[mine].tolist()),
            *(felt.celsius[mine].tolist(), felt.humidity[mine].tolist()),
            charge.tolist(),
        )
        for at, row, seq, people, came, paper, wet, door, warm, air, left in zip(
            *columns, strict=True
        ):
            model, device = AUXILIARY[self._families[row]], row + self._first
            passed = (people, people), (came, came)
            data = model.encode(
                AuxiliaryReport(*passed, paper, wet, door, warm, air, left, seq)
            )
            yield DeviceFrame(at, device, seq, "", self._vias[device], model.port, data)
