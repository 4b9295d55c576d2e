"""Bin fill: compound Poisson deposits, settling, and a hump under the sensor.

Deposits: Wouda et al. 2024 (arXiv 2409.13386) for the hourly profile; a gamma law with
shape 1.5 for small items and 9 for big bags. The hump is AR(1) in deposits: it does
not average out in a night without deposits.
"""

import numpy as np

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_H, StepTime

SMALL_HALVES, BIG_HALVES = 3, 18  # gamma shapes 1.5 and 9, in halves


class Bins:
    """All bins: true fill (% of the volume) and hump (% of the height)."""

    def __init__(self, scenario: Scenario, fleet: Fleet, seed: int) -> None:
        deposits, n = scenario.deposits, fleet.bins
        self._scenario = scenario
        self._stream = RandomStream(seed, "deposits")
        self._beside_stream = RandomStream(seed, "beside bins")
        self._left_after_step = 1 - fleet.settling * STEP_H
        mean_l = (1 - deposits.big_share) * deposits.small_l
        mean_l += deposits.big_share * deposits.big_l
        self._shapes, self._volume_l = fleet.shapes, fleet.shapes.volume_l
        per_day = fleet.rate / 100 * self._volume_l / mean_l
        hourly = np.array(deposits.hourly) / sum(deposits.hourly)
        weekday = np.array(deposits.weekday) * 7 / sum(deposits.weekday)
        self.profile = np.outer(weekday, hourly * 24).ravel()  # by hour of the week
        self._deposits_per_step = per_day * STEP_H / 24
        self._day_factor = np.ones(n)
        start = RandomStream(seed, "start")
        self.fill: F64 = start.between(0, 60, n)
        self.hump: F64 = np.zeros(n)
        self.beside_l: F64 = np.zeros(n)

    def step(self, now: StepTime, crowd: F64) -> F64:
        """Advance all bins by one step and return the deposits, %.

        `crowd`: factor of the usual deposits, by bin.
        """
        if now.midnight:
            self._begin_day()
        hour = now.weekday * 24 + int(now.hour)
        mean = self._deposits_per_step * self._day_factor * self.profile[hour] * crowd
        count = self._stream.poisson(mean)
        gain = self._litres(count) / self._volume_l * 100
        self._move_hump(count)
        fill = self.fill * self._left_after_step + gain
        most = self._scenario.bin.heap_max
        self.beside_l += np.maximum(fill - most, 0) * self._volume_l / 100
        self.fill = np.minimum(fill, most)
        return gain

    def empty(self, rows: I64, left: F64) -> None:
        """Empty bins down to `left` %, and remove the waste beside them."""
        self.fill[rows] = left
        self.hump[rows] = 0
        self.beside_l[rows] = 0

    def remove(self, rows: I64, share: float) -> None:
        """Remove a share of the fill of bins: it falls out or burns."""
        self.fill[rows] *= 1 - share
        self.hump[rows] = 0

    @property
    def surface(self) -> F64:
        """The level under the sensor, % of the height."""
        return np.maximum(self._shapes.level(self.fill) + self.hump, 0)

    def _begin_day(self) -> None:
        """Draw the bins with an unusual amount of deposits today."""
        deposits, n = self._scenario.deposits, len(self.fill)
        event = self._stream.happens(deposits.event_share, n)
        factor = self._stream.between(*deposits.event_factor, n)
        self._day_factor = np.where(event, factor, 1.0)

    def _litres(self, count: I64) -> F64:
        """Draw the litres of `count` deposits, by bin."""
        deposits, total = self._scenario.deposits, int(count.sum())
        if not total:
            return np.zeros(len(count))
        bin_row = np.repeat(np.arange(len(count)), count)
        big = self._stream.happens(deposits.big_share, total)
        litres = self._stream.gamma(SMALL_HALVES, total) * deposits.small_l / 1.5
        litres[big] = (
            self._stream.gamma(BIG_HALVES, int(big.sum())) * deposits.big_l / 9
        )
        if deposits.beside:
            beside = big & self._beside_stream.happens(deposits.beside, total)
            self.beside_l += np.bincount(bin_row, litres * beside, len(count))
            litres[beside] = 0
        return np.bincount(bin_row, litres, len(count)).astype(np.float64)

    def _move_hump(self, count: I64) -> None:
        """Redraw the hump of bins with a deposit."""
        rows = np.flatnonzero(count)
        settings = self._scenario.surface
        sd = settings.hump_cm / self._shapes.height_cm[rows] * 100
        keep = settings.keep ** count[rows]
        fresh = self._stream.normal(len(rows)) * sd * np.sqrt(1 - keep**2)
        self.hump[rows] = keep * self.hump[rows] + fresh
