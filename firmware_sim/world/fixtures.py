"""Fixtures of toilets: cubicles, paper and soap, wet floors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.toilets import FixtureSettings
from firmware_sim.world.step_time import STEP_H, STEP_S
from firmware_sim.world.toilets import Cleaning

Mask = NDArray[np.bool_]


class FixtureState(NamedTuple):
    """The current state of the fixtures, columns by toilet."""

    paper: F64  # % of the stock
    soap: F64
    visits: I64  # since the start; one row of men, one of women
    wet: Mask
    occupied: Mask  # the cubicle with the sensor


class LeakChange(NamedTuple):
    """A floor becomes wet (`on`) or dry again."""

    row: int  # among the toilets
    on: bool


class ToiletFixtures:
    """The fixtures of all toilets."""

    def __init__(self, settings: FixtureSettings, n: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "fixtures")
        self._paper: F64 = np.round(self._stream.between(30, 100, n), 2)
        self._soap: F64 = np.round(self._stream.between(30, 100, n), 2)
        self._visits: I64 = np.zeros((2, n), np.int64)
        self._wet_h: F64 = np.zeros(n)  # hours until the leak ends
        self._occupied: Mask = np.zeros(n, np.bool_)

    @property
    def state(self) -> FixtureState:
        """The current state."""
        wet = self._wet_h > 0
        return FixtureState(self._paper, self._soap, self._visits, wet, self._occupied)

    def step(self, visitors: I64, cleanings: list[Cleaning]) -> list[LeakChange]:
        """Advance by one step and return the leaks that began or ended.

        `visitors`: by toilet. A cleaning refills supplies and dries the floor.
        """
        settings, n = self._settings, len(visitors)
        visits = self._by_sex(visitors)
        self._visits = self._visits + visits
        paper = 100 / settings.paper_visits * visitors
        soap = 100 / settings.soap_visits * visitors
        self._paper = np.maximum(self._paper - paper, 0.0)
        self._soap = np.maximum(self._soap - soap, 0.0)
        was_wet = self._wet_h > 0
        self._wet_h = np.maximum(self._wet_h - STEP_H, 0)
        for row in (c.row for c in cleanings if not c.skipped):
            self._paper[row] = self._soap[row] = 100
            self._wet_h[row] = 0
        chance = settings.leak_per_day * STEP_H / 24
        begins = ~was_wet & self._stream.happens(chance, n)
        self._wet_h[begins] = settings.leak_hours
        inside = settings.dwell_s @ visits / settings.cubicles / STEP_S
        self._occupied = self._stream.uniform(n) < np.minimum(inside, 1)
        is_wet = self._wet_h > 0
        return [
            LeakChange(row, bool(is_wet[row]))
            for row in np.flatnonzero(is_wet != was_wet).tolist()
        ]

    def _by_sex(self, visitors: I64) -> I64:
        """Split visitors into men and women, one row each."""
        women = np.zeros_like(visitors)
        for number in range(int(visitors.max(initial=0))):
            is_woman = self._stream.happens(self._settings.women, len(visitors))
            women += is_woman & (number < visitors)
        return np.stack((visitors - women, women))
