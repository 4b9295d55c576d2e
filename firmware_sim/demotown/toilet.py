"""A public toilet: visits, odour, leaks and cleanings, seeded and in steps.

Numbers: every visit leaves a source of 0.24 mg/h NH3, a messy one (15 %) 2.4 more; it
ripens over 2 h and fades over 18 h; a cleaning removes 90 % (tuned so that quantiles
match field reports of 0.1-2 ppm). The room is well mixed: the concentration is source /
(volume x air changes). 1 mg/m3 NH3 is 1.44 ppm at 25 °C.
"""

import math
from dataclasses import dataclass
from random import Random

from firmware_sim.clock import DAY, HOUR, MINUTE
from firmware_sim.demotown.world import (
    HOURLY,
    NEVER,
    TrueState,
    air,
    local_minute,
    next_round,
)

STEP = 5 * MINUTE
_STEP_H = STEP / HOUR
PPM_PER_MG = 1.44
BACKGROUND_PPM = 0.05
FOUL_PPM = 1.9  # users complain and a cleaner is sent


@dataclass(frozen=True, slots=True)
class ToiletTraits:
    """Parameters of a toilet."""

    per_day: float  # visits
    volume_m3: float
    air_changes: float  # per hour
    cleanings: tuple[int, ...]  # minutes after local midnight
    tank: bool = False  # a mobile toilet has a tank that fills


class DemoToilet:
    """A toilet from `at` on; `state_at` advances it."""

    def __init__(self, rng: Random, traits: ToiletTraits, at: int) -> None:
        self._rng = rng
        self._traits = traits
        self._at = at // STEP * STEP
        self._fresh = 0.0  # mg/h that has not ripened
        self._active = traits.per_day * 0.1  # mg/h emitted now
        self._in = rng.choice((120, 4_000, 65_350))
        self._out = self._in - 2
        self._inside = 0
        self._tank = rng.uniform(10, 70)
        self._cleaning_at = next_round(at, traits.cleanings)
        self._call_at = NEVER
        self.cleaned_at: int | None = None
        self._leak_at = self._next(3)
        self._leak_end = at
        self._sewer_at = self._next(12)
        self._sewer_end = at

    @property
    def nh3(self) -> float:
        """Ammonia in the room, ppm."""
        room = self._traits.volume_m3 * self._traits.air_changes
        return BACKGROUND_PPM + PPM_PER_MG * self._active / room

    def state_at(self, at: int) -> TrueState:
        """Return the state at `at` (epoch ms); `at` must not decrease."""
        while self._at + STEP <= at:
            self._at += STEP
            self._step(self._at)
        return TrueState(
            fill=self._tank if self._traits.tank else 0.0,
            temperature=22 + (air(at) - 24) * 0.4,
            humidity=62 + 8 * math.sin(local_minute(at) / 1440 * math.tau),
            leak=at < self._leak_end,
            nh3=self.nh3,
            h2s=8.0 if at < self._sewer_end else 0.004 + 0.02 * self.nh3,
            count_in=self._in,
            count_out=self._out,
        )

    def _step(self, at: int) -> None:
        self._visits(at)
        ripened = self._fresh * _STEP_H / 2
        self._fresh -= ripened
        self._active = (self._active + ripened) * math.exp(-_STEP_H / 18)
        if self.nh3 > FOUL_PPM and self._call_at == NEVER:
            self._call_at = at + int(self._rng.uniform(0.5, 2) * HOUR)
        if at >= self._cleaning_at:
            self._cleaning_at = next_round(at, self._traits.cleanings)
            if self._rng.random() >= 0.05:
                self._clean(at)
        if at >= self._call_at:
            self._clean(at)
        self._incidents(at)

    def _visits(self, at: int) -> None:
        rng = self._rng
        share = HOURLY[local_minute(at) // 60]
        visits = _poisson(rng, self._traits.per_day * share * _STEP_H)
        self._in += visits
        self._out += self._inside
        self._inside = visits
        for _ in range(visits):
            self._fresh += 0.24 + (2.4 if rng.random() < 0.15 else 0.0)
            self._tank = min(self._tank + 0.25, 105.0)

    def _clean(self, at: int) -> None:
        self.cleaned_at = at
        self._fresh *= 0.1
        self._active *= 0.1
        self._call_at = NEVER
        if self._tank > 75:
            self._tank = self._rng.uniform(0, 4)

    def _incidents(self, at: int) -> None:
        if at >= self._leak_at:
            self._leak_end = at + int(self._rng.uniform(0.75, 2.5) * HOUR)
            self._leak_at = self._next(3)
        if at >= self._sewer_at:
            self._sewer_end = at + int(self._rng.uniform(20, 45) * MINUTE)
            self._sewer_at = self._next(12)

    def _next(self, days: float) -> int:
        return self._at + int(self._rng.expovariate(1 / (days * DAY)))


def _poisson(rng: Random, mean: float) -> int:
    """Draw from a Poisson distribution by Knuth's method, for small means."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
