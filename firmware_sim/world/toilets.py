"""Toilets: a well-mixed room, urine that turns into ammonia, visits, cleanings.

dC/dt = E/V - ACH (C - C0). Each visit leaves a source that ripens and then fades
exponentially; a cleaning removes a share of both. 1 mg/m3 NH3 is 1.436 ppm at 25 °C.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.toilets import ToiletSettings
from firmware_sim.world.step_time import STEP_H, STEP_MS, StepTime

PPM = 1.436  # per mg/m3 of NH3
H2S_SHARE = 0.02  # of the ammonia by volume, with a working siphon


class Cleaning(NamedTuple):
    """A scheduled cleaning of a toilet."""

    at: int
    row: int  # among the toilets
    removed: float  # share of the source; 0 if skipped
    skipped: bool


class Toilets:
    """All toilets as columns; gas in ppm, people as totals."""

    def __init__(self, settings: ToiletSettings, n: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "toilets")
        visits_sd, air_sd = settings.spread
        visits = settings.visits * self._stream.lognormal(visits_sd, n)
        self._air_changes = settings.air_changes * self._stream.lognormal(air_sd, n)
        self._per_hour = np.round(visits, 2)
        self._delay = self._stream.between(0, 0.5, n)  # h after the planned time
        self.fresh: F64 = np.zeros(n)  # mg/h that has not ripened
        self.ripe: F64 = np.zeros(n)  # mg/h emitted now
        self.nh3: F64 = np.full(n, settings.background_ppm)
        self.entered: I64 = np.zeros(n, np.int64)
        self.inside: I64 = np.zeros(n, np.int64)
        self.cleaned_at: I64 = np.full(n, -(2**62))

    @property
    def h2s(self) -> F64:
        """Hydrogen sulfide, ppm."""
        return self.nh3 * H2S_SHARE

    def step(
        self, now: StepTime, crowd: F64, smell: F64, strike: NDArray[np.bool_]
    ) -> list[Cleaning]:
        """Advance all toilets by one step and return its cleanings.

        `crowd` and `smell`: factors of the usual visits and sources, by toilet.
        `strike`: toilets that are not cleaned.
        """
        settings = self._settings
        share = settings.hourly[int(now.hour)] / sum(settings.hourly)
        visitors = self._stream.poisson(self._per_hour * share * STEP_H * crowd)
        self.inside = visitors  # a visit of two or three minutes ends within the step
        self.entered = self.entered + visitors
        cleanings = self._clean(now, strike)
        ripens = 1 - np.exp(-STEP_H / settings.ripens_h)
        fades = np.exp(-STEP_H / settings.fades_h)
        ripened = self.fresh * ripens
        self.fresh = self.fresh - ripened + self._new_source(visitors) * smell
        self.ripe = self.ripe * fades + ripened
        limit = PPM * self.ripe / (settings.volume_m3 * self._air_changes)
        limit = limit + settings.background_ppm
        left = np.exp(-self._air_changes * STEP_H)
        self.nh3 = limit + (self.nh3 - limit) * left
        return cleanings

    def _new_source(self, visitors: I64) -> F64:
        """Draw the source that visitors leave, mg/h by toilet."""
        settings, total = self._settings, int(visitors.sum())
        source = np.full(total, settings.source_mg_h)
        messy = self._stream.happens(settings.messy_share, total)
        extra = self._stream.exponential(total) * settings.messy_mg_h
        toilet = np.repeat(np.arange(len(visitors)), visitors)
        by_toilet = np.bincount(toilet, source + messy * extra, len(visitors))
        return by_toilet.astype(np.float64)

    def _clean(self, now: StepTime, strike: NDArray[np.bool_]) -> list[Cleaning]:
        cleanings = []
        for planned in self._settings.cleanings:
            hour = planned + self._delay
            due = np.flatnonzero((hour <= now.hour) & (now.hour < hour + STEP_H))
            skipped = (
                self._stream.happens(self._settings.skipped, len(due)) | strike[due]
            )
            for row, is_skipped in zip(due.tolist(), skipped.tolist(), strict=True):
                removed = 0.0 if is_skipped else self._settings.removed
                at = now.at - int((now.hour - hour[row]) * 12 * STEP_MS)
                cleanings.append(Cleaning(at, row, removed, is_skipped))
                self.fresh[row] *= 1 - removed
                self.ripe[row] *= 1 - removed
                if not is_skipped:
                    self.cleaned_at[row] = at
        return cleanings
