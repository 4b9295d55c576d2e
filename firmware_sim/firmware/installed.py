"""Which version each device runs, and what its flaw makes of what it says."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.versions import VERSIONS
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.sensors.fault_interval import FaultChange
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_H

SOUND = ""
BY_CHANCE = ("sticks", "cell_error")  # labelled when they happen, as what they are
NH3, H2S = 100, 1000  # counts a ppm of the gas cell
WORD = 65_536
Mask = NDArray[np.bool_]


class InstalledVersions:
    """The firmware of all devices; `any`: whether there is a flaw among it."""

    def __init__(self, shares: Mapping[str, float], fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._stream = RandomStream(seed, "versions")
        n = fleet.rows
        self.name = [SOUND] * n
        self._has: dict[str, Mask] = {}
        self._value: I64 = np.zeros(n, np.int64)
        self._per_day: F64 = np.zeros(n)
        self._fresh: Mask = np.zeros(n, np.bool_)  # nothing said since the start
        self.old: set[int] = set()  # who speaks the family's old layout
        self._seconds: set[int] = set()
        self._broken: Mask = np.zeros(n, np.bool_)
        self._before: I64 = np.zeros(n, np.int64)  # people, where a counter wraps
        self._news: list[FaultChange] = []
        drawn, low = self._stream.uniform(n), np.zeros(n)
        for name, share in shares.items():
            mine = self._fits(name)
            rows = np.flatnonzero(mine & (low <= drawn) & (drawn < low + share))
            low[mine] += share
            self.install(rows, name)

    @property
    def any(self) -> bool:
        """Whether any device runs a flawed version."""
        return bool(self._has)

    def _fits(self, name: str) -> Mask:
        version, fleet = VERSIONS[name], self._fleet
        mine = np.array([family == version.family for family in fleet.families])
        if version.kind == "bin":
            mine[fleet.bins :] = False
        elif version.kind == "toilet":
            mine[: fleet.bins] = False
        return np.asarray(mine, np.bool_)

    def install(self, rows: I64, name: str) -> I64:
        """Some devices get a version (SOUND: the usual one); answers whose fits."""
        if name:
            rows = rows[self._fits(name)[rows]]
        for row in rows.tolist():
            self._label(row, False)
            self.name[row] = name
            self._label(row, True)
        version, mine = VERSIONS.get(name), set(rows.tolist())
        self.old -= mine
        self._seconds -= mine
        for mask in self._has.values():
            mask[rows] = False
        if version is not None and len(rows):
            empty = np.zeros(len(self.name), np.bool_)
            self._has.setdefault(version.bug, empty)[rows] = True
            self._value[rows], self._per_day[rows] = version.value, version.per_day
            self.old |= mine if version.bug == "old_layout" else set()
            self._seconds |= mine if version.bug == "seconds" else set()
            if version.bug == "wraps":
                before = self._stream.uniform(len(rows)) * WORD
                self._before[rows] = before.astype(np.int64)
        return rows

    def take_back(self, rows: I64, name: str) -> I64:
        """Who runs a version gets the usual one again; answers who did."""
        mine = [row for row in rows.tolist() if self.name[row] == name]
        return self.install(np.array(mine, np.int64), SOUND)

    def _label(self, row: int, on: bool) -> None:
        """A flaw is there as long as its version."""
        version = VERSIONS.get(self.name[row])
        if version is not None and version.bug not in BY_CHANCE:
            self._news.append(FaultChange(row, on, version.bug))

    def has(self, bug: str, rows: I64) -> Mask:
        """Which of some devices have a flaw."""
        mask = self._has.get(bug)
        return np.zeros(len(rows), np.bool_) if mask is None else mask[rows]

    def step(self, restarted: list[int]) -> tuple[list[FaultChange], I64]:
        """What is to label now; and whose level sensors get stuck."""
        news, self._news = self._news, []
        self._fresh[restarted] = True
        ended = [row for row in restarted if self._broken[row]]
        self._broken[ended] = False
        news += [FaultChange(row, False, "cell_error") for row in ended]
        if not self._has:
            return news, np.zeros(0, np.int64)
        chance = self._stream.uniform(len(self.name)) < self._per_day * STEP_H / 24
        every = np.arange(len(self.name))
        broken = np.flatnonzero(chance & self.has("cell_error", every) & ~self._broken)
        self._broken[broken] = True
        news += [FaultChange(row, True, "cell_error") for row in broken.tolist()]
        return news, np.flatnonzero(chance & self.has("sticks", every))

    def distances(self, rows: I64, mm: I64, no_echo: Mask) -> tuple[I64, Mask]:
        """What level sensors say, and whether it is a distance at all."""
        wrong = self.has("no_echo", rows) & no_echo
        wrong |= self.has("first_zero", rows) & self._fresh[rows]
        self._fresh[rows] = False
        return np.where(wrong, self._value[rows], mm), ~wrong

    def gauges(self, rows: I64, percent: I64) -> I64:
        """What batteries' gauges say."""
        wrong = self.has("gauge", rows)
        return np.where(wrong, self._value[rows], percent)

    def people(self, rows: I64, total: I64) -> I64:
        """What a counter of people says."""
        wraps = self.has("wraps", rows)
        return np.where(wraps, (total + self._before[rows]) % WORD, total)

    def gas(self, rows: I64, ppm: F64, counts: int) -> F64:
        """What a gas cell says: with a flaw its sentinel as a value."""
        wrong = self.has("sentinel", rows) & np.isnan(ppm)
        return np.where(wrong, self._value[rows] / counts, ppm)

    def broken(self, rows: I64) -> Mask:
        """Whose gas cells say that they are broken."""
        return self._broken[rows]

    def stamp(self, frame: DeviceFrame) -> DeviceFrame:
        """A frame whose time is told in seconds, where that is the flaw."""
        if frame.row not in self._seconds:
            return frame
        told = (frame.at + frame.wrong_ms) // 1000
        return frame._replace(wrong_ms=told - frame.at)
