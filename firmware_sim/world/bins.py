"""How bins fill: compound Poisson deposits, settling, a hump under the sensor.

Deposits: Wouda et al. 2024 (arXiv 2409.13386) for the hourly profile; a gamma law with
shape 1.5 for small things and 9 for big bags. The hump is AR(1) in deposits: it does
not average out over a quiet night.
"""

import numpy as np

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario
from firmware_sim.town.fleet import Fleet
from firmware_sim.world.step_time import STEP_H, StepTime

SMALL_HALVES, BIG_HALVES = 3, 18  # gamma shapes 1.5 and 9


class Bins:
    """All bins: true fill, % of the volume, and hump, % of the height."""

    def __init__(self, scenario: Scenario, fleet: Fleet, seed: int) -> None:
        deposits, n = scenario.deposits, fleet.bins
        self._scenario = scenario
        self._stream = RandomStream(seed, "deposits")
        self._aside = RandomStream(seed, "beside bins")
        self._keep = 1 - fleet.settling * STEP_H
        mean_l = (1 - deposits.big_share) * deposits.small_l
        mean_l += deposits.big_share * deposits.big_l
        self._shapes, self._volume_l = fleet.shapes, fleet.shapes.volume_l
        per_day = fleet.rate / 100 * self._volume_l / mean_l
        hourly = np.array(deposits.hourly) / sum(deposits.hourly)
        weekday = np.array(deposits.weekday) * 7 / sum(deposits.weekday)
        self.profile = np.outer(weekday, hourly * 24).ravel()  # by hour of the week
        self._per_step = per_day * STEP_H / 24
        self._factor = np.ones(n)
        start = RandomStream(seed, "start")
        self.fill: F64 = start.between(0, 60, n)
        self.hump: F64 = np.zeros(n)
        self.beside_l: F64 = np.zeros(n)

    def step(self, now: StepTime, crowd: F64) -> F64:
        """Turn all bins one step forward; answers what was thrown in, %.

        `crowd`: times the usual, by bin.
        """
        if now.midnight:
            self._begin_day()
        hour = now.weekday * 24 + int(now.hour)
        mean = self._per_step * self._factor * self.profile[hour] * crowd
        count = self._stream.poisson(mean)
        gain = self._thrown(count) / self._volume_l * 100
        self._shake(count)
        fill = self.fill * self._keep + gain
        most = self._scenario.bin.heap_max
        self.beside_l += np.maximum(fill - most, 0) * self._volume_l / 100
        self.fill = np.minimum(fill, most)
        return gain

    def empty(self, which: I64, left: F64) -> None:
        """Empty some bins down to `left` %; what lies beside goes, too."""
        self.fill[which] = left
        self.hump[which] = 0
        self.beside_l[which] = 0

    def lose(self, which: I64, share: float) -> None:
        """A share of what is in some bins falls out or burns."""
        self.fill[which] *= 1 - share
        self.hump[which] = 0

    @property
    def surface(self) -> F64:
        """The level under the sensor, %."""
        return np.maximum(self._shapes.level(self.fill) + self.hump, 0)

    def _begin_day(self) -> None:
        """Draw the bins that have an event today."""
        deposits, n = self._scenario.deposits, len(self.fill)
        event = self._stream.happens(deposits.event_share, n)
        factor = self._stream.between(*deposits.event_factor, n)
        self._factor = np.where(event, factor, 1.0)

    def _thrown(self, count: I64) -> F64:
        """Litres of so many deposits, by bin."""
        deposits, total = self._scenario.deposits, int(count.sum())
        if not total:
            return np.zeros(len(count))
        owner = np.repeat(np.arange(len(count)), count)
        big = self._stream.happens(deposits.big_share, total)
        litres = self._stream.gamma(SMALL_HALVES, total) * deposits.small_l / 1.5
        litres[big] = (
            self._stream.gamma(BIG_HALVES, int(big.sum())) * deposits.big_l / 9
        )
        if deposits.beside:
            out = big & self._aside.happens(deposits.beside, total)
            self.beside_l += np.bincount(owner, litres * out, len(count))
            litres[out] = 0
        return np.bincount(owner, litres, len(count)).astype(np.float64)

    def _shake(self, count: I64) -> None:
        """Move the hump where something fell in."""
        hit = np.flatnonzero(count)
        settings = self._scenario.surface
        sd = settings.hump_cm / self._shapes.height_cm[hit] * 100
        keep = settings.keep ** count[hit]
        fresh = self._stream.normal(len(hit)) * sd * np.sqrt(1 - keep**2)
        self.hump[hit] = keep * self.hump[hit] + fresh
