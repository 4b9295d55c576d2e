"""The readings of a batch: last values, estimates, services that they show, rules.

Readings within the no-change range of their series are taken as columns; only the
others are evaluated one by one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import LEAST_GAP_MS
from sensorhub.columns import F64, I32, I64, NO_DEVICE, U8, Columns
from sensorhub.model import CODES, FILL, NEVER, Outcome, Quality, Reason
from sensorhub.registry.registry import Registry
from sensorhub.state.fill_estimates import FillEstimates, LevelEstimates
from sensorhub.state.hooks import ApplyHooks
from sensorhub.state.rule_evaluation import (
    NO_FORECAST,
    TEMPERATURE,
    RuleEvaluator,
    SeriesSample,
)
from sensorhub.state.series import NO_SERIES, Series

CONTENT = 30.0  # %: a sensor that shows more contradicts an emptying


class BatchReadings(NamedTuple):
    """Readings that may change something, in the order received, as columns."""

    uplink: NDArray[np.intp]  # by its place in the batch
    series: I32
    device: I32
    code: U8
    value: F64
    at: I64  # measured, ms
    received_at: I64  # ms


class BatchLevels(NamedTuple):
    """Which of the readings are fill levels, and what is estimated by them."""

    place: NDArray[np.intp]
    estimates: LevelEstimates


class ReadingProcessor:
    """Changes series, fill estimates and rules by readings."""

    def __init__(
        self,
        registry: Registry,
        series: Series,
        rules: RuleEvaluator,
        levels: FillEstimates,
    ) -> None:
        self._registry, self._series = registry, series
        self._rules, self._levels = rules, levels

    def process(self, columns: Columns, hooks: ApplyHooks) -> int:
        """Process a batch's readings; how many came late.

        A late reading is as old as the newest of its series, or older: it is kept,
        but decides nothing.
        """
        picked = _select(columns, hooks.mask)
        if not len(picked):
            return 0
        readings = self._readings(columns, picked)
        place = np.flatnonzero(readings.code == FILL)
        stuck = columns.quality_reason[picked[place]] == Reason.STUCK
        level = readings.device[place], readings.at[place], readings.value[place]
        levels = BatchLevels(place, self._levels.estimate(*level, stuck))
        single, late = self._pass_unchanged(readings, levels)
        order = self._order(readings, single)
        return late + self._process_singly(order, readings, levels, hooks)

    def _readings(self, columns: Columns, picked: NDArray[np.intp]) -> BatchReadings:
        uplink = columns.reading_uplink()[picked]
        device, code = columns.device[uplink], columns.code[picked]
        return BatchReadings(
            uplink=uplink,
            series=self._numbers_of(device, code),
            device=device,
            code=code,
            value=columns.value[picked],
            at=columns.measured_at[picked],
            received_at=columns.received_at[uplink],
        )

    def _numbers_of(self, device: I32, code: U8) -> I32:
        """The series numbers of readings; new series are made."""
        numbers = self._series.numbers_of(device, code)
        new = numbers == NO_SERIES
        if new.any():
            pairs = np.unique(device[new].astype(np.int64) * CODES + code[new])
            added = self._series.add(
                (pairs // CODES).astype(np.int32), (pairs % CODES).astype(np.uint8)
            )
            self._rules.ranges.set_idle(added)
            numbers[new] = self._series.numbers_of(device[new], code[new])
        return numbers

    # -- as columns --

    def _pass_unchanged(
        self, readings: BatchReadings, levels: BatchLevels
    ) -> tuple[NDArray[np.bool_], int]:
        """Process all readings of the series on which no reading changes anything.

        Answers which readings are to be processed one by one, and how many of the
        others came late.
        """
        known = self._series
        order = np.argsort(readings.series, kind="stable")
        s, device, code = (
            column[order]
            for column in (readings.series, readings.device, readings.code)
        )
        value, at = readings.value[order], readings.at[order]
        starts = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
        sizes = np.diff(np.r_[starts, len(s)])
        own = s[starts]
        last = np.r_[NEVER, at[:-1]]
        last[starts] = known.last_at[own]
        newer = at > last
        changing = newer & ~((known.low[s] <= value) & (value < known.high[s]))
        changing |= self._forecasts_change(readings.device, levels)[order]
        gas = self._rules.is_gas[code]
        if gas.any():  # in order: a gas is judged at the temperature of its moment
            changing |= (code == TEMPERATURE) & np.isin(device, device[gas])
        changing |= (gas | ~newer) & np.repeat(sizes > 1, sizes)
        unchanged = ~np.logical_or.reduceat(changing, starts)
        fresh = unchanged & newer[starts]
        ends = (starts + sizes - 1)[fresh]
        known.last_at[own[fresh]] = at[ends]
        known.last_value[own[fresh]] = value[ends]
        known.samples[own[fresh]] += sizes[fresh]
        single = np.empty(len(s), np.bool_)
        single[order] = np.repeat(~unchanged, sizes)
        return single, int((unchanged & ~newer[starts]).sum())

    def _forecasts_change(self, device: I32, levels: BatchLevels) -> NDArray[np.bool_]:
        """Which readings change a forecast, or show an emptying."""
        place, estimates = levels
        changing = np.zeros(len(device), np.bool_)
        if self._rules.forecasts and len(place):
            ranges, row = self._rules.ranges, device[place]
            low, high = ranges.chance_low[:, row], ranges.chance_high[:, row]
            chances = estimates.forecast[:-1]
            changing[place] = ((chances < low) | (chances >= high)).any(axis=0)
        if estimates.emptyings:  # all sensors of the asset decide whether it is one
            asset = self._registry.asset_of[device]
            emptied = [service.asset for _, service in estimates.emptyings]
            changing[place] |= np.isin(asset[place], emptied)
        return changing

    # -- one by one --

    def _order(
        self, readings: BatchReadings, single: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """The readings to process one by one, in the order in which to do so."""
        order = np.flatnonzero(single)
        code, uplink = readings.code, readings.uplink
        if self._rules.is_gas[code].any():
            # an uplink's temperature first: its gases are judged at it
            order = order[np.lexsort((code[order] != TEMPERATURE, uplink[order]))]
        return order

    def _process_singly(
        self,
        order: NDArray[np.intp],
        readings: BatchReadings,
        levels: BatchLevels,
        hooks: ApplyHooks,
    ) -> int:
        """Process the readings of `order` one after the other; how many came late."""
        known, late = self._series, 0
        place, estimates = levels
        emptyings = {int(place[i]): service for i, service in estimates.emptyings}
        forecasts = {}
        if self._rules.forecasts:
            rows = estimates.forecast.T.tolist()
            forecasts = dict(zip(place.tolist(), rows, strict=True))
        for i, series, value, at in zip(
            order.tolist(),
            readings.series[order].tolist(),
            readings.value[order].tolist(),
            readings.at[order].tolist(),
            strict=True,
        ):
            last = known.last_at.item(series)
            if at <= last:
                late += 1
                continue
            before = known.last_value.item(series)
            known.last_at[series], known.last_value[series] = at, value
            known.samples[series] += 1
            since, until = self._mounted(series)
            if not since <= at < until:
                continue
            if last < since:
                last, before = NEVER, np.nan
            emptying = emptyings.get(i)
            if emptying is not None and hooks.confirms(emptying, series, at):
                hooks.serve(emptying, int(readings.received_at[i]))
            sample = SeriesSample(series, value, at, last, before)
            moved = self._rules.evaluate(sample, forecasts.get(i, NO_FORECAST))
            if moved:
                hooks.decide(moved, int(readings.received_at[i]), at)
        return late

    def _mounted(self, series: int) -> tuple[int, int]:
        """From when to when (ms) the series' device is mounted; never: (0, 0)."""
        registry, device = self._registry, self._series.device.item(series)
        if registry.asset_of.item(device) < 0:
            return 0, 0
        since, until = registry.mounted_from, registry.mounted_until
        return since.item(device), until.item(device)

    def content_shown(self, series: int, at: int) -> bool:
        """Whether another sensor on the series' asset shows content at `at` (ms)."""
        registry, known = self._registry, self._series
        mounted = registry.asset_of == known.asset_of(series)
        for device in np.flatnonzero(mounted).tolist():
            other = known.number(device, FILL)
            if other in (NO_SERIES, series):
                continue
            last = known.last_at.item(other)
            longest = max(3 * registry.interval_ms.item(device), LEAST_GAP_MS)
            here = last >= registry.mounted_from.item(device)
            if (
                here
                and at - last <= longest
                and known.last_value.item(other) >= CONTENT
            ):
                return True
        return False


def _select(columns: Columns, mask: NDArray[np.bool_] | None) -> NDArray[np.intp]:
    """Readings that may change something: sound, of known devices (in `mask`)."""
    stored = (columns.outcome == Outcome.STORED) & (columns.device != NO_DEVICE)
    if mask is not None:
        stored &= mask[columns.device]
    sound = columns.quality != Quality.REJECTED
    return np.flatnonzero(np.repeat(stored, columns.count) & sound)
