"""All devices of a town by what they hang on: bins, toilets, beside those."""

import numpy as np

from firmware_sim.firmware.auxiliary import AuxiliaryFirmware
from firmware_sim.firmware.installed import InstalledVersions
from firmware_sim.firmware.level import LevelFirmware
from firmware_sim.firmware.room import ToiletFirmware
from firmware_sim.rng import I64
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet


class Devices:
    """The firmware of all; devices are known by their rows."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, installed: InstalledVersions
    ) -> None:
        self._fleet = fleet
        self.level = LevelFirmware(scenario, fleet, seed, installed)
        self.room = ToiletFirmware(scenario.gas, fleet, seed, installed)
        self.beside = AuxiliaryFirmware(scenario.fixtures, fleet, seed)

    def split(self, rows: I64) -> tuple[I64, I64, I64]:
        """The same rows by kind, each counted from its kind's first."""
        first = self._fleet.bins
        last = first + self._fleet.toilets
        rooms = rows[(rows >= first) & (rows < last)]
        return rows[rows < first], rooms - first, rows[rows >= last] - last

    def of(self, row: int) -> LevelFirmware | ToiletFirmware | AuxiliaryFirmware:
        """The firmware that a device runs."""
        bins, toilets = self._fleet.bins, self._fleet.toilets
        if row < bins:
            return self.level
        return self.room if row < bins + toilets else self.beside

    def next_seq(self, row: int) -> int:
        """The number of one more uplink of a device."""
        return self.of(row).next_seq(row)

    def count_anew(self, rows: I64) -> None:
        """The next uplinks are number 0."""
        levels, rooms, beside = self.split(rows)
        self.level.count_anew(levels)
        self.room.count_anew(rooms)
        self.beside.count_anew(beside)

    def restart(self, rows: I64, people: I64) -> None:
        """Devices begin anew; `people`: by toilet, in all."""
        levels, rooms, beside = self.split(rows)
        self.level.restart(levels)
        self.room.restart(rooms, people, people)
        if len(beside):
            self.beside.restart(beside, people)

    def periods_ms(self, scenario: Scenario) -> list[int]:
        """How often each reports."""
        fleet = self._fleet
        others = fleet.rows - fleet.bins - fleet.toilets
        minutes = [
            *fleet.period_min.tolist(),
            *[scenario.gas.report_min] * fleet.toilets,
            *[scenario.fixtures.report_min] * others,
        ]
        return [int(ms) for ms in np.round(np.array(minutes) * 60_000).tolist()]
