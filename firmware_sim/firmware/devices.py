"""The firmware of all devices: on bins, in toilets, auxiliary sensors in toilets."""

import numpy as np

from firmware_sim.firmware.auxiliary import AuxiliaryFirmware
from firmware_sim.firmware.installed_versions import InstalledVersions
from firmware_sim.firmware.level_sensor import LevelFirmware
from firmware_sim.firmware.toilet_sensor import ToiletFirmware
from firmware_sim.rng import I64
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet


class Devices:
    """The firmware of all devices, addressed by their rows."""

    def __init__(
        self, scenario: Scenario, fleet: Fleet, seed: int, installed: InstalledVersions
    ) -> None:
        self._fleet = fleet
        self.level = LevelFirmware(scenario, fleet, seed, installed)
        self.toilet = ToiletFirmware(scenario.gas, fleet, seed, installed)
        self.auxiliary = AuxiliaryFirmware(scenario.fixtures, fleet, seed)

    def split(self, rows: I64) -> tuple[I64, I64, I64]:
        """Split rows by kind; each part is relative to the first row of its kind."""
        first = self._fleet.bins
        last = first + self._fleet.toilets
        toilets = rows[(rows >= first) & (rows < last)]
        return rows[rows < first], toilets - first, rows[rows >= last] - last

    def of(self, row: int) -> LevelFirmware | ToiletFirmware | AuxiliaryFirmware:
        """Return the firmware of a device."""
        bins, toilets = self._fleet.bins, self._fleet.toilets
        if row < bins:
            return self.level
        return self.toilet if row < bins + toilets else self.auxiliary

    def next_seq(self, row: int) -> int:
        """Return the sequence number of an additional uplink of a device."""
        return self.of(row).next_seq(row)

    def reset_counter(self, rows: I64) -> None:
        """Let the next uplinks have sequence number 0."""
        levels, toilets, auxiliary = self.split(rows)
        self.level.reset_counter(levels)
        self.toilet.reset_counter(toilets)
        self.auxiliary.reset_counter(auxiliary)

    def restart(self, rows: I64, people: I64) -> None:
        """Restart devices; `people`: current total by toilet."""
        levels, toilets, auxiliary = self.split(rows)
        self.level.restart(levels)
        self.toilet.restart(toilets, people, people)
        if len(auxiliary):
            self.auxiliary.restart(auxiliary, people)

    def periods_ms(self, scenario: Scenario) -> list[int]:
        """Return the report period of each device, ms."""
        fleet = self._fleet
        others = fleet.rows - fleet.bins - fleet.toilets
        minutes = [
            *fleet.period_min.tolist(),
            *[scenario.gas.report_min] * fleet.toilets,
            *[scenario.fixtures.report_min] * others,
        ]
        return [int(ms) for ms in np.round(np.array(minutes) * 60_000).tolist()]
