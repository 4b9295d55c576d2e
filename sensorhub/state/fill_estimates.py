"""Fill levels in the hub: readings to the filter, its findings back to the rules.

Moved by live batches and by the fold through the same `estimate`.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import Service
from sensorhub.estimate import fill
from sensorhub.estimate.calendar import DayCalendar
from sensorhub.estimate.crews import EmptyingBrackets
from sensorhub.estimate.emptying import DetectedEmptyings
from sensorhub.estimate.follow import (
    LevelFindings,
    SharedModels,
    process_levels,
    record_emptying,
)
from sensorhub.estimate.later import (
    FillOutlook,
    ProjectedFill,
    outlook,
    project_fill,
)
from sensorhub.estimate.law import Law
from sensorhub.estimate.learning import FillStep
from sensorhub.estimate.record import measure_errors
from sensorhub.estimate.usage import HOUR_MS, TimeZone, local_hours
from sensorhub.model import NEVER
from sensorhub.registry.registry import Registry
from sensorhub.state.dedup_window import ranks
from sensorhub.state.fill_learning import BLOCK, FillLearning, Taught, Usages
from sensorhub.state.fill_models import FillModels, lay_out

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
PEOPLE, BLIND = Law._fields.index("population"), Law._fields.index("blind")
Watcher = Callable[[NDArray[np.intp], I64, LevelFindings], None]


class FillEstimateRows(msgspec.Struct, array_like=True, frozen=True):
    """What a checkpoint keeps of a block's devices."""

    fills: dict[str, bytes] = {}
    learnt: list[bytes] = []
    usage: Usages = []
    day: int = 0
    persistence: list[int] = []


class LevelEstimates(NamedTuple):
    """What a batch's level readings tell.

    `forecast` has a column a reading: the chances (%) of due, full before the next
    round and full now, and the fill in percent (NaN: came late). `emptyings` are
    (place of the reading, service).
    """

    forecast: F64
    emptyings: list[tuple[int, Service]]


class Was(NamedTuple):
    """Of devices before a reading: when (ms) the last one and the last good one came,
    and the level that was read (%)."""

    at: I64
    good_at: I64
    z: F64


class FillEstimates:
    """The filter's state by device number, and what the town taught it."""

    def __init__(self, registry: Registry, filling: FillModels) -> None:
        size = registry.devices
        self._registry, self._laid = registry, lay_out(registry, filling)
        self._zone = TimeZone(filling.timezone)
        self.table = fill.new_fills(size)
        calendar = DayCalendar(filling.holidays.like())
        self.learning = FillLearning(size, self._zone, calendar)
        self.watch: Watcher | None = None

    @property
    def models(self) -> SharedModels:
        """What all devices share."""
        return SharedModels(
            *(
                self._laid.laws,
                self._laid.law_of,
                self.learning.usage,
                self._laid.plans,
                self._laid.plan_of,
            ),
            self._registry.interval_ms,
        )

    # -- readings --

    def estimate(
        self,
        device: NDArray[np.int32],
        at: I64,
        value: F64,
        stuck: NDArray[np.bool_],
    ) -> LevelEstimates:
        """Estimate by a batch's level readings (ms, %), in the order received.

        `stuck`: which sensors only repeat themselves.
        """
        forecast = np.full((4, len(device)), np.nan)
        emptyings: list[tuple[int, Service]] = []
        registry = self._registry
        since = registry.mounted_from[device]
        here = (registry.asset_of[device] >= 0) & (since <= at)
        here &= at < registry.mounted_until[device]
        if not here.any():
            return LevelEstimates(forecast, emptyings)
        offset = self._zone.offsets(at)
        rank = ranks(device)
        for layer in range(int(rank.max()) + 1):
            last = self.table["at"][device]
            place = np.flatnonzero(here & (rank == layer) & (at > last))
            if not len(place):
                continue
            row = device[place].astype(np.intp)
            fresh = last[place] < since[place]
            layer_ = (row, at[place], value[place], offset[place])
            found = self._follow(layer_, fresh, stuck[place])
            forecast[:3, place] = 100 * np.array(found.chances)
            forecast[3, place] = self.table["f"][row]
            for i in np.flatnonzero(found.emptied.which).tolist():
                service = self.service(int(row[i]), found.emptied, i)
                emptyings.append((int(place[i]), service))
        return LevelEstimates(forecast, emptyings)

    def _follow(
        self,
        readings: tuple[NDArray[np.intp], I64, F64, I64],
        fresh: NDArray[np.bool_],
        stuck: NDArray[np.bool_],
    ) -> LevelFindings:
        """One layer: device, ms, %, local time less UTC; what they teach is kept."""
        row, at, z, offset = readings
        table = self.table
        was = Was(*(table[name][row] for name in Was._fields))
        found = process_levels(
            *(table, self.models, row, at, z),
            offset_ms=offset,
            fresh=fresh,
            stuck=stuck,
        )
        people, settled = self._people(row), np.isnan(table["odds"][row])
        settled &= ~found.emptied.which
        judged = measure_errors(
            *(table, self.learning.usage, (row, people, at, offset)),
            ~settled,
            found.took,
        )
        if judged is not None:
            self.learning.add_errors(self._people(judged.row), judged)
        which = np.flatnonzero(found.emptied.which)
        if len(which):
            ends = (found.emptied.begin[which], found.emptied.end[which])
            hours = (local_hours(end, offset[which]) for end in ends)
            self.learning.emptied(
                EmptyingBrackets(row[which] // BLOCK, people[which], *hours)
            )
        self._teach(readings, people, was, (found, settled & ~fresh))
        if self.watch is not None:
            self.watch(row, at, found)
        return found

    def _teach(
        self,
        readings: tuple[NDArray[np.intp], I64, F64, I64],
        people: NDArray[np.intp],
        was: Was,
        now: tuple[LevelFindings, NDArray[np.bool_]],
    ) -> None:
        """Steps from one good reading to the next teach; `now`: what came, and where
        nothing was emptied."""
        row, at, z, offset = readings
        found, settled = now
        teaches = (was.good_at == was.at) & found.took & settled
        # steps into or out of the blind zone would look as if content sank
        blind = self._laid.laws[BLIND][self._laid.law_of[row]]
        teaches &= (np.maximum(was.z, z) < blind - 1) & ((was.z + z) / 2 < blind - 10)
        if teaches.any():
            times = (local_hours(was.at, offset), local_hours(at, offset))
            step = FillStep(row // BLOCK, people, *times, was.z, z, found.rate)
            self.learning.learn(step.only(teaches))

    def _people(self, row: NDArray[np.intp]) -> NDArray[np.intp]:
        """The populations of devices."""
        law = self._laid.law_of[row]
        people: NDArray[np.intp] = self._laid.laws[PEOPLE][law].astype(np.intp)
        return people

    def outlook(self, row: NDArray[np.intp]) -> FillOutlook:
        """What is known of devices as of their last readings."""
        return outlook(
            self.table, self.models, row, self._zone.offsets(self.table["at"][row])
        )

    def project(self, row: NDArray[np.intp], at: int) -> ProjectedFill:
        """What is known of devices at `at` (ms), after their last readings."""
        return project_fill(self.table, self.models, row, at, self._zone.offset(at))

    def knows_week(self, device: int) -> bool:
        """Whether assets of its kind have taught when they fill."""
        return self.learning.has_taught(
            int(self._laid.laws[PEOPLE][self._laid.law_of[device]])
        )

    def service(self, device: int, found: DetectedEmptyings, i: int) -> Service:
        """An emptying as a service: at the round in its bracket, else when crews use
        to come, else about when."""
        begin, end = int(found.begin[i]), int(found.end[i])
        hours = (end - begin) / HOUR_MS
        local = local_hours(np.array([end]), self._zone.offset(end))
        plan = self._laid.plan_of[device : device + 1]
        ago = float(self._laid.plans.last_ago(plan, local)[0])
        if ago > hours:
            people = int(self._laid.laws[PEOPLE][self._laid.law_of[device]])
            ago = self.learning.usage.crews.ago(people, float(local[0]), hours)
        at = end - int(ago * HOUR_MS)
        asset = int(self._registry.asset_of[device])
        amount = round(max(float(found.amount[i]), 0.0), 1)
        return Service(asset, "emptied", at, begin, end, amount)

    def emptied(self, devices: Sequence[int], at: int) -> None:
        """Somebody says that the asset of these devices was emptied at `at` (ms).

        Readings since then know better.
        """
        row = np.array(
            [d for d in devices if NEVER < self.table["at"][d] < at], np.intp
        )
        if len(row):
            record_emptying(self.table, self.models, row, at)

    # -- checkpoints --

    def dump(self, first: int, last: int) -> FillEstimateRows:
        """The rows of devices `first` to below `last`."""
        return FillEstimateRows(
            self.table.dump(first, last), *self.learning.dump(first // BLOCK)
        )

    def load(self, first: int, rows: FillEstimateRows) -> None:
        """Take what `dump` gave; the oldest block comes last, its weeks hold then.

        Raises ValueError on damaged bytes.
        """
        self.table.load(first, rows.fills)
        learnt_usage = Taught(rows.usage, rows.persistence)
        self.learning.load(first // BLOCK, rows.learnt, learnt_usage, rows.day)
