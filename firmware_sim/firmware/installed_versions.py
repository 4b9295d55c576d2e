"""The firmware version of each device, and the effect of its flaw on reports."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.versions import VERSIONS
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.sensors.fault_change import FaultChange
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_H

SOUND = ""
BY_CHANCE = ("sticks", "cell_error")  # flaws labelled when they occur
NH3, H2S = 100, 1000  # counts per ppm of the gas cell
WORD = 65_536
Mask = NDArray[np.bool_]


class InstalledVersions:
    """The firmware of all devices; `names`: version by row, empty for the sound one."""

    def __init__(self, shares: Mapping[str, float], fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._stream = RandomStream(seed, "versions")
        n = fleet.rows
        self.names = [SOUND] * n
        self._flawed: dict[str, Mask] = {}  # by flaw
        self._value: I64 = np.zeros(n, np.int64)
        self._per_day: F64 = np.zeros(n)
        self._first_report: Mask = np.zeros(n, np.bool_)  # none since the restart
        self.old: set[int] = set()  # rows with the old layout of their family
        self._in_seconds: set[int] = set()
        self._cell_broken: Mask = np.zeros(n, np.bool_)
        self._count_offset: I64 = np.zeros(n, np.int64)  # of people counters that wrap
        self._changes: list[FaultChange] = []
        drawn, low = self._stream.uniform(n), np.zeros(n)
        for name, share in shares.items():
            fits = self._fits(name)
            rows = np.flatnonzero(fits & (low <= drawn) & (drawn < low + share))
            low[fits] += share
            self.install(rows, name)

    @property
    def has_flaws(self) -> bool:
        """Whether any device ever had a flawed version."""
        return bool(self._flawed)

    def _fits(self, name: str) -> Mask:
        """Return the devices that a version is made for."""
        version, fleet = VERSIONS[name], self._fleet
        fits = np.array([family == version.family for family in fleet.families])
        if version.kind == "bin":
            fits[fleet.bins :] = False
        elif version.kind == "toilet":
            fits[: fleet.bins] = False
        return np.asarray(fits, np.bool_)

    def install(self, rows: I64, name: str) -> I64:
        """Install a version (SOUND: the usual one); return the rows that it fits."""
        if name:
            rows = rows[self._fits(name)[rows]]
        for row in rows.tolist():
            self._record_change(row, on=False)
            self.names[row] = name
            self._record_change(row, on=True)
        version, chosen = VERSIONS.get(name), set(rows.tolist())
        self.old -= chosen
        self._in_seconds -= chosen
        for mask in self._flawed.values():
            mask[rows] = False
        if version is not None and len(rows):
            empty = np.zeros(len(self.names), np.bool_)
            self._flawed.setdefault(version.bug, empty)[rows] = True
            self._value[rows], self._per_day[rows] = version.value, version.per_day
            self.old |= chosen if version.bug == "old_layout" else set()
            self._in_seconds |= chosen if version.bug == "seconds" else set()
            if version.bug == "wraps":
                offset = self._stream.uniform(len(rows)) * WORD
                self._count_offset[rows] = offset.astype(np.int64)
        return rows

    def uninstall(self, rows: I64, name: str) -> I64:
        """Install the usual version where `name` runs; return the changed rows."""
        chosen = [row for row in rows.tolist() if self.names[row] == name]
        return self.install(np.array(chosen, np.int64), SOUND)

    def _record_change(self, row: int, *, on: bool) -> None:
        """Record the fault of a flaw that lasts as long as its version."""
        version = VERSIONS.get(self.names[row])
        if version is not None and version.bug not in BY_CHANCE:
            self._changes.append(FaultChange(row, on, version.bug))

    def has(self, bug: str, rows: I64) -> Mask:
        """Return which of some devices have a flaw."""
        mask = self._flawed.get(bug)
        return np.zeros(len(rows), np.bool_) if mask is None else mask[rows]

    def step(self, restarted: list[int]) -> tuple[list[FaultChange], I64]:
        """Advance flaws; return fault changes, and rows whose level sensor sticks."""
        changes, self._changes = self._changes, []
        self._first_report[restarted] = True
        repaired = [row for row in restarted if self._cell_broken[row]]
        self._cell_broken[repaired] = False
        changes += [FaultChange(row, False, "cell_error") for row in repaired]
        if not self._flawed:
            return changes, np.zeros(0, np.int64)
        rows = np.arange(len(self.names))
        occurs = self._stream.uniform(len(rows)) < self._per_day * STEP_H / 24
        can_break = self.has("cell_error", rows) & ~self._cell_broken
        broken = np.flatnonzero(occurs & can_break)
        self._cell_broken[broken] = True
        changes += [FaultChange(row, True, "cell_error") for row in broken.tolist()]
        return changes, np.flatnonzero(occurs & self.has("sticks", rows))

    def distances(self, rows: I64, mm: I64, no_echo: Mask) -> tuple[I64, Mask]:
        """Return the reported distances, mm, and which of them are real distances."""
        wrong = self.has("no_echo", rows) & no_echo
        wrong |= self.has("first_zero", rows) & self._first_report[rows]
        self._first_report[rows] = False
        return np.where(wrong, self._value[rows], mm), ~wrong

    def gauges(self, rows: I64, percent: I64) -> I64:
        """Return the reported battery charges, %."""
        wrong = self.has("gauge", rows)
        return np.where(wrong, self._value[rows], percent)

    def people(self, rows: I64, total: I64) -> I64:
        """Return the reported people counts."""
        wraps = self.has("wraps", rows)
        return np.where(wraps, (total + self._count_offset[rows]) % WORD, total)

    def gas(self, rows: I64, ppm: F64, counts: int) -> F64:
        """Return the reported gas values; a flaw reports its sentinel as a value."""
        wrong = self.has("sentinel", rows) & np.isnan(ppm)
        return np.where(wrong, self._value[rows] / counts, ppm)

    def cell_broken(self, rows: I64) -> Mask:
        """Return whose gas cell reports that it is broken."""
        return self._cell_broken[rows]

    def stamp(self, frame: DeviceFrame) -> DeviceFrame:
        """Return a frame whose time is in seconds if its version has that flaw."""
        if frame.row not in self._in_seconds:
            return frame
        seconds = (frame.at + frame.clock_error_ms) // 1000
        return frame._replace(clock_error_ms=seconds - frame.at)
