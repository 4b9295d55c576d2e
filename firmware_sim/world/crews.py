"""Collection crews: scheduled rounds, missed bins, and unscheduled emptyings."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.rng import I64, RandomStream
from firmware_sim.scenario.settings import EmptyingSettings
from firmware_sim.town.fleet import Fleet
from firmware_sim.town.roster import CollectionRound
from firmware_sim.world.step_time import STEP_MS, StepTime

HOUR_MS = 3_600_000
DAY_FROM, DAY_UNTIL = 8, 18  # local hours of unscheduled emptyings


class CrewVisit(NamedTuple):
    """A vehicle visits a bin at `at` (epoch ms)."""

    at: int
    row: int
    cause: str  # round, unscheduled, missed
    left: float  # % that remains in the bin


class CrewSchedule:
    """Plans the visits of each local day at its midnight."""

    def __init__(
        self,
        fleet: Fleet,
        rounds: list[CollectionRound],
        settings: EmptyingSettings,
        seed: int,
    ) -> None:
        self._fleet = fleet
        self._rounds = rounds
        self._settings = settings
        self._stream = RandomStream(seed, "crews")
        self._due: dict[int, list[CrewVisit]] = {}
        zone, visits = fleet.zone[: fleet.bins], fleet.visits
        self._served = [
            np.flatnonzero((zone == r.zone) & (visits == r.visits)) for r in rounds
        ]

    def step(self, now: StepTime) -> list[CrewVisit]:
        """Return the visits of the step that ends at `now`, in order of time."""
        if now.midnight:
            for visit in self._plan_day(now):
                steps = (visit.at - now.at + STEP_MS - 1) // STEP_MS
                self._due.setdefault(now.number + steps, []).append(visit)
        return sorted(self._due.pop(now.number, []))

    def _plan_day(self, now: StepTime) -> Iterator[CrewVisit]:
        midnight = now.at - round(now.hour * HOUR_MS)
        for planned, rows in zip(self._rounds, self._served, strict=True):
            if now.weekday in planned.weekdays and len(rows):
                begin = midnight + round(planned.hour * HOUR_MS)
                yield from self._round_visits(begin, rows)
        yield from self._unscheduled_visits(midnight)

    def _round_visits(self, begin: int, rows: I64) -> Iterator[CrewVisit]:
        n, settings = len(rows), self._settings
        offset = self._stream.between(0, settings.spread_min * 60_000, n)
        missed = self._stream.happens(settings.missed, n)
        left = self._stream.between(*settings.residue, n)
        for row, delay, is_missed, residue in zip(
            rows.tolist(), offset.tolist(), missed.tolist(), left.tolist(), strict=True
        ):
            cause = "missed" if is_missed else "round"
            yield CrewVisit(begin + int(delay), row, cause, round(residue, 2))

    def _unscheduled_visits(self, midnight: int) -> Iterator[CrewVisit]:
        n = self._fleet.bins
        rows = np.flatnonzero(self._stream.happens(self._settings.unscheduled, n))
        hour = self._stream.between(DAY_FROM, DAY_UNTIL, len(rows))
        left = self._stream.between(*self._settings.residue, len(rows))
        for row, at_hour, residue in zip(
            rows.tolist(), hour.tolist(), left.tolist(), strict=True
        ):
            at = midnight + int(at_hour * HOUR_MS)
            yield CrewVisit(at, row, "unscheduled", round(residue, 2))
