"""How a public toilet is used, smells, leaks and is cleaned: seeded, pure, in steps.

Numbers: every visit leaves a source of 0.24 mg/h NH3, a messy one (15 %) 2.4 more;
it ripens over 2 h and fades over 18 h; a cleaning takes 90 % away (tuned so that
quantiles match field reports of 0.1-2 ppm). The room is well mixed: concentration
is source / (volume x air changes). 1 mg/m3 NH3 is 1.44 ppm at 25 °C.
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
FOUL_PPM = 1.9  # ppm: users complain and a cleaner is sent


@dataclass(frozen=True, slots=True)
class ToiletTraits:
    """What differs between toilets."""

    per_day: float  # visits
    volume_m3: float
    air_changes: float  # per hour
    cleanings: tuple[int, ...]  # minutes after local midnight
    tank: bool = False  # a mobile one has a tank that fills


class DemoToilet:
    """A toilet from `at` on; `state_at` turns it forward."""

    def __init__(self, rng: Random, traits: ToiletTraits, at: int) -> None:
        self._rng = rng
        self._traits = traits
        self._at = at // STEP * STEP
        self._fresh = 0.0  # mg/h that will smell
        self._active = traits.per_day * 0.1  # mg/h that smells
        self._in = rng.choice((120, 4_000, 65_350))
        self._out = self._in - 2
        self._inside = 0
        self._tank = rng.uniform(10, 70)
        self._cleaning = next_round(at, traits.cleanings)
        self._call = NEVER
        self.cleaned_at: int | None = None
        self._leak = self._next(3)
        self._leak_end = at
        self._sewer = self._next(12)
        self._sewer_end = at

    @property
    def nh3(self) -> float:
        """Ammonia in the room, ppm."""
        room = self._traits.volume_m3 * self._traits.air_changes
        return BACKGROUND_PPM + PPM_PER_MG * self._active / room

    def state_at(self, at: int) -> TrueState:
        """The asset at `at`; times must not go back."""
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
        ripe = self._fresh * _STEP_H / 2
        self._fresh -= ripe
        self._active = (self._active + ripe) * math.exp(-_STEP_H / 18)
        if self.nh3 > FOUL_PPM and self._call == NEVER:
            self._call = at + int(self._rng.uniform(0.5, 2) * HOUR)
        if at >= self._cleaning:
            self._cleaning = next_round(at, self._traits.cleanings)
            if self._rng.random() >= 0.05:
                self._clean(at)
        if at >= self._call:
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
        self._call = NEVER
        if self._tank > 75:
            self._tank = self._rng.uniform(0, 4)

    def _incidents(self, at: int) -> None:
        if at >= self._leak:
            self._leak_end = at + int(self._rng.uniform(0.75, 2.5) * HOUR)
            self._leak = self._next(3)
        if at >= self._sewer:
            self._sewer_end = at + int(self._rng.uniform(20, 45) * MINUTE)
            self._sewer = self._next(12)

    def _next(self, days: float) -> int:
        return self._at + int(self._rng.expovariate(1 / (days * DAY)))


def _poisson(rng: Random, mean: float) -> int:
    """Knuth's method; fine for the small means of one step."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
