"""Fill estimates: level readings go to the filter, its results to the rules.

Live batches and the fold change them by the same `estimate`.
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
    LevelReadings,
    SharedModels,
    process_levels,
    record_emptying,
)
from sensorhub.estimate.forecast import Chances
from sensorhub.estimate.later import (
    FillOutlook,
    ProjectedFill,
    outlook,
    project_fill,
)
from sensorhub.estimate.law import Law
from sensorhub.estimate.learning import FillStep
from sensorhub.estimate.record import DayReadings, measure_errors
from sensorhub.estimate.usage import HOUR_MS, TimeZone, local_hours
from sensorhub.model import NEVER
from sensorhub.registry.registry import Registry
from sensorhub.state.dedup_window import ranks
from sensorhub.state.fill_learning import BLOCK, FillLearning, LearntUsage, Usages
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

    `forecast` has a column a reading: the chances (%) in the order of `Chances`, and
    the fill in percent (NaN: came late). `emptyings` are (place of the reading,
    service).
    """

    forecast: F64
    emptyings: list[tuple[int, Service]]


class PreviousReadings(NamedTuple):
    """Of devices before a reading: when (ms) the last one and the last good one came,
    and the level that was read (%)."""

    at: I64
    good_at: I64
    z: F64


class FillEstimates:
    """The filter states by device number, and what was learnt by kind of asset."""

    def __init__(self, registry: Registry, filling: FillModels) -> None:
        size = registry.devices
        self._registry, self._device_models = registry, lay_out(registry, filling)
        self._zone = TimeZone(filling.timezone)
        self.table = fill.new_fills(size)
        calendar = DayCalendar(filling.holidays.like())
        self.learning = FillLearning(size, self._zone, calendar)
        self.watch: Watcher | None = None

    @property
    def models(self) -> SharedModels:
        """What all devices share."""
        own = self._device_models
        return SharedModels(
            laws=own.laws,
            law_of=own.law_of,
            usage=self.learning.usage,
            plans=own.plans,
            plan_of=own.plan_of,
            interval_ms=self._registry.interval_ms,
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
        forecast = np.full((len(Chances._fields) + 1, len(device)), np.nan)
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
            found = self._process(
                LevelReadings(
                    row, at[place], value[place], offset[place], fresh, stuck[place]
                )
            )
            forecast[:-1, place] = 100 * np.array(found.chances)
            forecast[-1, place] = self.table["f"][row]
            for i in np.flatnonzero(found.emptied.which).tolist():
                service = self.service(int(row[i]), found.emptied, i)
                emptyings.append((int(place[i]), service))
        return LevelEstimates(forecast, emptyings)

    def _process(self, readings: LevelReadings) -> LevelFindings:
        """Process one reading of each device, and learn from it."""
        row, at, _, offset, fresh, _ = readings
        table = self.table
        columns = (table[name][row] for name in PreviousReadings._fields)
        previous = PreviousReadings(*columns)
        found = process_levels(table, self.models, readings)
        people, settled = self._people(row), np.isnan(table["odds"][row])
        settled &= ~found.emptied.which
        judged = measure_errors(
            table,
            self.learning.usage,
            DayReadings(row, people, at, offset),
            anew=~settled,
            took=found.took,
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
        teaches = settled & ~fresh & found.took
        self._learn(readings, previous, found.rate, teaches)
        if self.watch is not None:
            self.watch(row, at, found)
        return found

    def _learn(
        self,
        readings: LevelReadings,
        previous: PreviousReadings,
        rate: F64,
        good: NDArray[np.bool_],
    ) -> None:
        """Learn from steps between consecutive good readings.

        `rate`: expected before the reading; `good`: accepted readings without an
        emptying before them.
        """
        row, at, z, offset, _, _ = readings
        teaches = (previous.good_at == previous.at) & good
        # steps into or out of the blind zone look like settling
        blind = self._device_models.laws[BLIND][self._device_models.law_of[row]]
        teaches &= np.maximum(previous.z, z) < blind - 1
        teaches &= (previous.z + z) / 2 < blind - 10
        if teaches.any():
            times = (local_hours(previous.at, offset), local_hours(at, offset))
            people = self._people(row)
            step = FillStep(row // BLOCK, people, *times, previous.z, z, rate)
            self.learning.learn(step.only(teaches))

    def _people(self, row: NDArray[np.intp]) -> NDArray[np.intp]:
        """The populations of devices."""
        law = self._device_models.law_of[row]
        people: NDArray[np.intp] = self._device_models.laws[PEOPLE][law].astype(np.intp)
        return people

    def outlook(self, row: NDArray[np.intp]) -> FillOutlook:
        """The outlook of devices as of their last readings."""
        return outlook(
            self.table, self.models, row, self._zone.offsets(self.table["at"][row])
        )

    def project(self, row: NDArray[np.intp], at: int) -> ProjectedFill:
        """Project devices to `at` (ms), after their last readings."""
        return project_fill(self.table, self.models, row, at, self._zone.offset(at))

    def knows_week(self, device: int) -> bool:
        """Whether the week of its kind of asset is learnt."""
        return self.learning.has_learnt(
            int(self._device_models.laws[PEOPLE][self._device_models.law_of[device]])
        )

    def service(self, device: int, found: DetectedEmptyings, i: int) -> Service:
        """An emptying as a service: at the round in its bracket, else when crews use
        to come, else about when."""
        begin, end = int(found.begin[i]), int(found.end[i])
        hours = (end - begin) / HOUR_MS
        local = local_hours(np.array([end]), self._zone.offset(end))
        plan = self._device_models.plan_of[device : device + 1]
        ago = float(self._device_models.plans.last_ago(plan, local)[0])
        if ago > hours:
            people = int(
                self._device_models.laws[PEOPLE][self._device_models.law_of[device]]
            )
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
        learnt_usage = LearntUsage(rows.usage, rows.persistence)
        self.learning.load(first // BLOCK, rows.learnt, learnt_usage, rows.day)
