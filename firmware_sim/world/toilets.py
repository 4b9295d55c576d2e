"""Toilets: a well-mixed room, urine that ripens to ammonia, visits, cleanings.

dC/dt = E/V - ACH (C - C0); a visit leaves a source that ripens (h) and fades (h), a
cleaning takes away a share of both. ppm of NH3 at 25 °C are mg/m3 times 1.436.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario.rooms import ToiletSettings
from firmware_sim.world.step_time import STEP_H, STEP_MS, StepTime

PPM = 1.436  # of 1 mg/m3 NH3
H2S_SHARE = 0.02  # of the ammonia, by volume: a sound trap


class Cleaning(NamedTuple):
    """A crew was due to clean a toilet."""

    at: int
    row: int  # among the toilets
    removed: float  # share; 0 where it was skipped
    skipped: bool


class Toilets:
    """All toilets as columns; gas in ppm, people as totals."""

    def __init__(self, settings: ToiletSettings, n: int, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "toilets")
        busy, airy = settings.spread
        visits = settings.visits * self._stream.lognormal(busy, n)
        self._air = settings.air_changes * self._stream.lognormal(airy, n)
        self._per_hour = np.round(visits, 2)
        self._late = self._stream.between(0, 0.5, n)  # h after the planned time
        self.fresh: F64 = np.zeros(n)  # mg/h to come
        self.ripe: F64 = np.zeros(n)  # mg/h now
        self.nh3: F64 = np.full(n, settings.background_ppm)
        self.entered: I64 = np.zeros(n, np.int64)
        self.inside: I64 = np.zeros(n, np.int64)
        self.cleaned_at: I64 = np.full(n, -(2**62))

    @property
    def h2s(self) -> F64:
        """Hydrogen sulfide, ppm."""
        return self.nh3 * H2S_SHARE

    def step(
        self, now: StepTime, crowd: F64, smell: F64, idle: NDArray[np.bool_]
    ) -> list[Cleaning]:
        """Turn all rooms one step forward; answers the cleanings in it.

        `crowd` and `smell`: times the usual visits and sources; `idle`: nobody cleans.
        """
        settings = self._settings
        share = settings.hourly[int(now.hour)] / sum(settings.hourly)
        came = self._stream.poisson(self._per_hour * share * STEP_H * crowd)
        self.inside = came  # a visit of two or three minutes ends within the step
        self.entered = self.entered + came
        cleanings = self._clean(now, idle)
        ripens = 1 - np.exp(-STEP_H / settings.ripens_h)
        fades = np.exp(-STEP_H / settings.fades_h)
        moved = self.fresh * ripens
        self.fresh = self.fresh - moved + self._left(came) * smell
        self.ripe = self.ripe * fades + moved
        level = PPM * self.ripe / (settings.volume_m3 * self._air)
        level = level + settings.background_ppm
        near = np.exp(-self._air * STEP_H)
        self.nh3 = level + (self.nh3 - level) * near
        return cleanings

    def _left(self, came: I64) -> F64:
        """The source that the visitors left, mg/h."""
        settings, total = self._settings, int(came.sum())
        source = np.full(total, settings.source_mg_h)
        messy = self._stream.happens(settings.messy_share, total)
        worse = self._stream.exponential(total) * settings.messy_mg_h
        owner = np.repeat(np.arange(len(came)), came)
        return np.bincount(owner, source + messy * worse, len(came)).astype(np.float64)

    def _clean(self, now: StepTime, idle: NDArray[np.bool_]) -> list[Cleaning]:
        done = []
        for planned in self._settings.cleanings:
            hour = planned + self._late
            due = np.flatnonzero((hour <= now.hour) & (now.hour < hour + STEP_H))
            skipped = self._stream.happens(self._settings.skipped, len(due)) | idle[due]
            for row, skip in zip(due.tolist(), skipped.tolist(), strict=True):
                removed = 0.0 if skip else self._settings.removed
                at = now.at - int((now.hour - hour[row]) * 12 * STEP_MS)
                done.append(Cleaning(at, row, removed, skip))
                self.fresh[row] *= 1 - removed
                self.ripe[row] *= 1 - removed
                if not skip:
                    self.cleaned_at[row] = at
        return done
