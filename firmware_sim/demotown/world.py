"""A bin of the demo: deposits and emptyings, seeded, event by event.

Numbers: deposits as compound Poisson with the hourly profile measured in Groningen
(Wouda et al. 2024, arXiv 2409.13386); 98 % small items of 0.9 L and 2 % bags of
12 L in street bins, triangular(10, 30, 60) L in containers; the weekday factors,
the share of missed visits (3 %) and the residue in a bin (0-4 %) are assumptions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from firmware_sim.clock import DAY, HOUR, MINUTE

TOWN_OFFSET = 8 * HOUR  # the demo's town is at UTC+8 all year
NEVER = 2**62
_HOURLY_SHARES = (
    *(0.6, 0.3, 0.2, 0.1, 0.1, 0.2, 0.6, 1.7, 3.5, 4.4, 5.6, 6.9),
    *(8.1, 8.5, 8.2, 8.0, 8.2, 8.4, 7.6, 6.4, 4.9, 3.6, 2.4, 1.3),
)
HOURLY = tuple(share / sum(_HOURLY_SHARES) for share in _HOURLY_SHARES)
WEEKDAY = (1.0, 1.0, 1.0, 1.0, 1.1, 1.25, 1.1)  # Monday first
OVERFLOW = 115.0  # %: the excess lies beside the bin
CALL_AT = 92.0  # %: somebody calls the crew


@dataclass(slots=True)
class TrueState:
    """The state of an asset at one time, as a perfect sensor would measure it."""

    fill: float = 0.0  # %
    temperature: float = 20.0  # °C
    humidity: float = 60.0  # %
    tilt: float = 0.0  # °
    leak: bool = False
    nh3: float = 0.0  # ppm
    h2s: float = 0.0  # ppm
    count_in: int = 0
    count_out: int = 0


def local_minute(at: int) -> int:
    """Return the minutes since midnight in the town."""
    return (at + TOWN_OFFSET) % DAY // MINUTE


def weekday(at: int) -> int:
    """Return the day of the week in the town, 0 is Monday."""
    return ((at + TOWN_OFFSET) // DAY + 3) % 7


def air(at: int) -> float:
    """Return the outdoor temperature in °C: early summer, warmest at 15:00."""
    return 24.0 + 6.0 * math.sin((local_minute(at) / 1440 - 0.375) * math.tau)


def next_arrival(rng: Random, after: int, per_day: float) -> int:
    """Draw the next arrival of a Poisson process with the hourly profile."""
    at = after
    while True:
        end = (at // HOUR + 1) * HOUR
        share = HOURLY[local_minute(at) // 60] * WEEKDAY[weekday(at)]
        moment = at + rng.expovariate(per_day * share / HOUR)
        if moment < end:
            return int(moment) + 1
        at = end


def next_round(after: int, minutes: Sequence[int]) -> int:
    """Return the next of daily times (minutes after local midnight) past `after`."""
    midnight = (after + TOWN_OFFSET) // DAY * DAY - TOWN_OFFSET
    times = (midnight + day * DAY + m * MINUTE for day in (0, 1) for m in minutes)
    return min((time for time in times if time > after), default=NEVER)


@dataclass(frozen=True, slots=True)
class BinTraits:
    """Parameters of a bin."""

    capacity_l: float
    per_day: float  # expected % of the capacity a day
    rounds: tuple[int, ...]  # minutes after local midnight


class DemoBin:
    """A bin, container or pit from `at` on; `state_at` advances it."""

    cleaned_at: int | None = None  # bins are only emptied, which sensors measure

    def __init__(self, rng: Random, traits: BinTraits, at: int) -> None:
        self._rng = rng
        self._traits = traits
        self._litres = rng.uniform(0.2, 0.85) * traits.capacity_l
        self._large = traits.capacity_l >= 500
        mean_l = 100 / 3 if self._large else 0.98 * 0.9 + 0.02 * 12
        self._per_day = traits.per_day / 100 * traits.capacity_l / mean_l
        self._deposit_at = next_arrival(rng, at, self._per_day)
        self._round_at = next_round(at, traits.rounds)
        self._call_at = NEVER
        self._upright_at = at
        self._tip_at = at + self._gap(25 * DAY)
        self._fire_at = at + self._gap(45 * DAY)
        self._fire_end = at

    @property
    def fill(self) -> float:
        """True fill in % of the capacity."""
        return 100 * self._litres / self._traits.capacity_l

    def state_at(self, at: int) -> TrueState:
        """Return the state at `at` (epoch ms); `at` must not decrease."""
        while (first := min(self._deposit_at, self._round_at, self._call_at)) <= at:
            self._handle(first)
        return TrueState(
            fill=self.fill,
            temperature=self._temperature(at),
            tilt=self._tilt(at),
        )

    def _handle(self, at: int) -> None:
        if at == self._deposit_at:
            self._add(at)
        elif at == self._round_at:
            self._round_at = next_round(at, self._traits.rounds)
            if self._rng.random() >= 0.03:
                self._empty(at)
        else:
            self._empty(at)

    def _add(self, at: int) -> None:
        rng = self._rng
        if self._large:
            litres = rng.triangular(10, 60, 30)
        elif rng.random() < 0.02:
            litres = rng.gammavariate(9, 12 / 9)
        else:
            litres = rng.gammavariate(1.5, 0.9 / 1.5)
        limit = self._traits.capacity_l * OVERFLOW / 100
        self._litres = min(self._litres + litres, limit)
        self._deposit_at = next_arrival(rng, at, self._per_day)
        if self.fill >= CALL_AT and self._call_at == NEVER:
            self._call_at = at + int(rng.uniform(0.75, 3) * HOUR)

    def _empty(self, at: int) -> None:
        self._litres = self._rng.uniform(0, 0.04) * self._traits.capacity_l
        self._call_at = NEVER
        self._upright_at = max(self._upright_at, at)

    def _tilt(self, at: int) -> float:
        if at >= self._tip_at:
            self._upright_at = self._tip_at + int(self._rng.uniform(1, 4) * HOUR)
            self._tip_at = self._upright_at + self._gap(25 * DAY)
        return 78.0 if at < self._upright_at else 2.0

    def _temperature(self, at: int) -> float:
        if at >= self._fire_at:
            duration = int(self._rng.uniform(25, 50) * MINUTE)
            self._fire_end = self._fire_at + duration
            self._fire_at = self._fire_end + self._gap(45 * DAY)
        return 96.0 if at < self._fire_end else air(at)

    def _gap(self, mean: float) -> int:
        return int(self._rng.expovariate(1 / mean))
