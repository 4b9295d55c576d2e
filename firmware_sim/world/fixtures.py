"""What else a toilet has: cubicles that are taken, paper that runs out, wet floors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.chance import F64, I64, Stream
from firmware_sim.scenario.rooms import Fixtures as Settings
from firmware_sim.world.moment import STEP_H, STEP_S
from firmware_sim.world.toilets import Cleaning

Mask = NDArray[np.bool_]


class Seen(NamedTuple):
    """One toilet's fixtures now, columns by toilet."""

    paper: F64  # % of the stock
    wet: Mask
    occupied: Mask  # the cubicle that has a sensor


class Leak(NamedTuple):
    """A floor gets wet, or is dry again (`on` False)."""

    row: int  # among the toilets
    on: bool


class Rooms:
    """The fixtures of all toilets."""

    def __init__(self, settings: Settings, n: int, seed: int) -> None:
        self._settings = settings
        self._stream = Stream(seed, "fixtures")
        self._paper: F64 = np.round(self._stream.between(30, 100, n), 2)
        self._wet_h: F64 = np.zeros(n)  # until somebody closes the valve
        self._occupied: Mask = np.zeros(n, np.bool_)

    @property
    def seen(self) -> Seen:
        """How it is now."""
        return Seen(self._paper, self._wet_h > 0, self._occupied)

    def step(self, came: I64, cleanings: list[Cleaning]) -> list[Leak]:
        """Visitors use them, cleaners fill up and dry; by toilet: leaks begin, end."""
        settings, n = self._settings, len(came)
        used = 100 / settings.paper_visits * came
        self._paper = np.maximum(self._paper - used, 0.0)
        was = self._wet_h > 0
        self._wet_h = np.maximum(self._wet_h - STEP_H, 0)
        for cleaning in cleanings:
            if not cleaning.skipped:
                self._paper[cleaning.row], self._wet_h[cleaning.row] = 100, 0
        chance = settings.leak_per_day * STEP_H / 24
        begins = ~was & self._stream.happens(chance, n)
        self._wet_h[begins] = settings.leak_hours
        inside = came / settings.cubicles * settings.dwell_s / STEP_S
        self._occupied = self._stream.uniform(n) < np.minimum(inside, 1)
        is_wet = self._wet_h > 0
        return [
            Leak(row, bool(is_wet[row]))
            for row in np.flatnonzero(is_wet != was).tolist()
        ]
