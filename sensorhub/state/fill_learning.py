"""Daily learning of weeks and settling by kind of asset.

What was learnt is adopted once per local day, at its first uplink; the journal records
when and what, so that a fold uses the same weeks.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.calendar import WEEK_H, DayCalendar
from sensorhub.estimate.crews import CrewHourSums, EmptyingBrackets
from sensorhub.estimate.learning import FillStep, WeekSums
from sensorhub.estimate.record import ForecastErrors, ForecastRecord
from sensorhub.estimate.usage import HOUR_MS, TimeZone, UsageProfiles
from sensorhub.model import AssetKind

KINDS = tuple(AssetKind)  # populations: those of one kind are alike
BLOCK = 1_000  # devices that are kept together in a checkpoint
DAY_MS = 24 * HOUR_MS
# population; week and the hours of crews as 168 and 24 float32; settling
Usages = list[tuple[int, bytes, float]]


class LearntUsage(NamedTuple):
    """Learnt profiles by population, and the populations that use persistence."""

    usage: Usages
    persistence: list[int]


NOTHING = LearntUsage([], [])


class FillLearning:
    """The profiles in use (`usage`), and the sums learnt since they were adopted."""

    def __init__(
        self, devices: int, zone: TimeZone, calendar: DayCalendar | None = None
    ) -> None:
        self._zone, self._calendar = zone, calendar
        blocks = -(-max(devices, 1) // BLOCK)
        self.learnt = WeekSums(blocks, len(KINDS))
        self.record = ForecastRecord(blocks, len(KINDS))
        self.crews = CrewHourSums(blocks, len(KINDS))
        self.day = 0
        self._forget()

    def learn(self, step: FillStep) -> None:
        """Add steps between consecutive good readings."""
        self.learnt.add(step, self.usage)

    def emptied(self, seen: EmptyingBrackets) -> None:
        """Add detected emptyings: they show when crews come."""
        self.crews.add(seen, self.usage.crews.shape)

    def add_errors(self, people: NDArray[np.intp], judged: ForecastErrors) -> None:
        """Add the errors of forecasts of a day ago."""
        self.record.add(judged.row // BLOCK, people, judged)

    def _forget(self) -> None:
        self.usage = UsageProfiles(len(KINDS), self._calendar)
        self._learnt_weeks: dict[int, tuple[bytes, float]] = {}

    def _day(self, at: int) -> int:
        return (at + self._zone.offset(at)) // DAY_MS

    def turn(self, at: int) -> LearntUsage:
        """At the first uplink (ms) of a local day: adopt and return what was learnt."""
        day = self._day(at)
        if day <= self.day:
            return NOTHING
        self.day = day
        known = self.learnt.exposed.sum(axis=(0, 2)) > 0
        if not known.any():
            return NOTHING
        shapes, settling = self.learnt.weeks()
        weeks = np.hstack((shapes, self.crews.shapes())).astype("<f4")
        usage: Usages = [
            (i, weeks[i].tobytes(), float(settling[i]))
            for i in np.flatnonzero(known).tolist()
        ]
        persistence = self.record.persistence(self.usage.persistence)
        learnt_usage = LearntUsage(usage, np.flatnonzero(persistence).tolist())
        self._adopt(learnt_usage)
        self._fade(np.ones(len(self.learnt.gained), np.bool_))
        return learnt_usage

    @property
    def turns_at(self) -> int:
        """When the next local day begins, ms."""
        midnight = (self.day + 1) * DAY_MS
        return midnight - self._zone.offset(midnight)

    def _fade(self, blocks: NDArray[np.bool_]) -> None:
        self.learnt.fade(blocks)
        self.crews.fade(blocks)
        self.record.fade(blocks)

    @property
    def persistence_kinds(self) -> list[str]:
        """Kinds of assets that use persistence forecasts."""
        return [KINDS[i].value for i in np.flatnonzero(self.usage.persistence).tolist()]

    def has_learnt(self, people: int) -> bool:
        """Whether the week of a population is learnt; else it is the default one."""
        return people in self._learnt_weeks

    def _adopt(self, learnt_usage: LearntUsage) -> None:
        """Use these weeks from now on."""
        shape, settling = self.usage.shape.copy(), self.usage.settling.copy()
        crews = self.usage.crews.shape.copy()
        for people, week, sinks in learnt_usage.usage:
            if people < len(KINDS):
                numbers = np.frombuffer(week, "<f4")
                shape[people] = numbers[:WEEK_H]
                crews[people] = numbers[WEEK_H:] if len(numbers) > WEEK_H else 1.0
                settling[people] = sinks
                self._learnt_weeks[people] = week, sinks
        self.usage.take(shape, settling)
        self.usage.crews.take(crews)
        self.usage.persistence = np.isin(
            np.arange(len(KINDS)), learnt_usage.persistence
        )

    def fold(self, learnt_usage: LearntUsage, at: int, mask: NDArray[np.bool_]) -> None:
        """As `turn` had it at `at` (ms); `mask`: devices not yet past it."""
        self.day = max(self.day, self._day(at))
        if learnt_usage.usage:
            self._adopt(learnt_usage)
            self._fade(mask[::BLOCK][: len(self.learnt.gained)])

    # -- checkpoints --

    def dump(self, block: int) -> tuple[list[bytes], Usages, int, list[int]]:
        """Sums of a block, profiles in use, the day, and who uses persistence."""
        usage: Usages = [
            (i, *learnt_usage) for i, learnt_usage in self._learnt_weeks.items()
        ]
        found = [zlib.compress(part[block].tobytes(), 1) for part in self._sums]
        return found, usage, self.day, np.flatnonzero(self.usage.persistence).tolist()

    def load(
        self, block: int, learnt: Sequence[bytes], learnt_usage: LearntUsage, day: int
    ) -> None:
        """Take what `dump` gave. Raises ValueError on damaged bytes."""
        for part, body in zip(self._sums, learnt, strict=False):
            rows = part[block]
            rows[:] = np.frombuffer(zlib.decompress(body)).reshape(rows.shape)
        self.day = max(self.day, day)
        self._forget()
        self._adopt(learnt_usage)

    @property
    def _sums(self) -> tuple[NDArray[np.float64], ...]:
        learnt = self.learnt
        return (
            learnt.gained,
            learnt.exposed,
            learnt.night,
            self.record.sums,
            self.crews.sums,
        )
