"""What every uplink moves, as columns: windows, last values, rule tracks.

The pipeline moves this state with live batches and the fold moves it with journal
rows, through the very same methods, so that a restart changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import LEAST_GAP_MS, Rule
from sensorhub.columns import NO_DEVICE, Columns, Service
from sensorhub.model import CODES, FILL, NEVER, Outcome, Quality, Reason, Severity
from sensorhub.registry.registry import Registry
from sensorhub.registry.subjects import NOWHERE, Subjects
from sensorhub.state.dedup_window import DedupWindow
from sensorhub.state.fill_estimates import FillEstimates, Seen
from sensorhub.state.fill_models import FillModels
from sensorhub.state.reception import Reception
from sensorhub.state.rule_evaluation import (
    NOT_TOLD,
    TEMPERATURE,
    Moved,
    RuleEvaluator,
    Told,
)
from sensorhub.state.sensor_health import SensorHealth
from sensorhub.state.series import NO_SERIES, Series

BELOW = 30.0  # %: a sensor that shows more knows of content


# which kinds of rules a service ends: what they told of is done
ENDS: dict[str, tuple[str, ...]] = defaultdict(
    lambda: ("count_since",), emptied=("count_since", "forecast")
)


def _picked(
    columns: Columns, owner: NDArray[np.intp], mask: NDArray[np.bool_] | None
) -> NDArray[np.intp]:
    """Readings that may move something: sound, of known devices (those in `mask`)."""
    stored = (columns.outcome == Outcome.STORED) & (columns.device != NO_DEVICE)
    if mask is not None:
        stored &= mask[columns.device]
    return np.flatnonzero(stored[owner] & (columns.quality != Quality.REJECTED))


class State:
    """The hub's memory in parts: what every uplink moves."""

    def __init__(
        self,
        registry: Registry,
        rules: tuple[Rule, ...],
        places: Subjects | None = None,
        filling: FillModels | None = None,
    ) -> None:
        self.registry = registry
        self.places = places or Subjects()
        self.zone = self._zones()
        self.reception = Reception(registry)
        self.dedup = DedupWindow(registry.devices)
        self.series = Series(registry)
        self.rules = RuleEvaluator(registry, self.series, rules)
        self.health = SensorHealth(registry.devices)
        self.levels = FillEstimates(registry, filling or FillModels())

    def _zones(self) -> NDArray[np.int32]:
        """By device the place that is its zone; 0 where it is not mounted."""
        registry = self.registry
        by_asset = np.zeros(registry.assets, np.int32)
        for number, traits in enumerate(registry.traits):
            if traits is not None:
                by_asset[number] = self.places.number("zone", traits.zone)
        asset = registry.asset_of
        return np.where(asset < 0, NOWHERE, by_asset[asset]).astype(np.int32)

    # -- uplinks --

    def remember(self, columns: Columns, mask: NDArray[np.bool_] | None = None) -> None:
        """Enter a batch's uplinks into the duplicate windows and the reception.

        `mask` says which devices are to move (the fold); the window over all topics
        takes every uplink.
        """
        new = (columns.outcome != Outcome.DUPLICATE) & (columns.outcome < Outcome.EVENT)
        moving = new & (columns.device != NO_DEVICE)
        if mask is not None:
            moving &= mask[columns.device]
        self.dedup.remember(columns, new, moving)
        self.reception.record(columns, moving)

    # -- samples --

    def move(
        self,
        columns: Columns,
        services: list[Service] | None,
        decide: Callable[[int, list[Moved]], None],
        serve: Callable[[int, Service], None],
        mask: NDArray[np.bool_] | None = None,
    ) -> int:
        """Take a batch's readings: last values, services, rule tracks.

        Answers how many came late: as old as the newest of their series, or
        older. They are kept, but decide nothing.

        `decide(reading, moved)` hears of moved levels, in the order received;
        `serve(reading, service)` of services that were seen. A fold gives the
        row's own `services`, which are then taken instead of seen anew, and a
        `mask` over devices that are not yet past this row.
        """
        owner = columns.owner()
        picked = _picked(columns, owner, mask)
        if not len(picked):
            return 0
        device = columns.device[owner[picked]]
        code = columns.code[picked]
        value = columns.value[picked]
        at = columns.measured_at[picked]
        series = self._numbers_of(device, code)
        level = np.flatnonzero(code == FILL)
        stuck = columns.why[picked[level]] == Reason.STUCK
        seen = self.levels.look(device[level], at[level], value[level], stuck)
        served = {int(level[place]): service for place, service in seen.emptied}
        given = None if services is None else {(s.asset, s.at) for s in services}
        slow, late = self._pass_quiet(series, (device, code, value, at), (level, seen))
        order = self._order(slow, code, owner[picked])
        told = {}
        if self.rules.forecasts:
            told = dict(zip(level.tolist(), seen.told.T.tolist(), strict=True))
        for i in order.tolist():
            late += not self._sample(
                (int(series[i]), float(value[i]), int(at[i])),
                int(picked[i]),
                (told.get(i, NOT_TOLD), served.get(i)),
                (given, decide, serve),
            )
        return late

    def _numbers_of(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The series numbers of readings; new series are made."""
        numbers = self.series.numbers_of(device, code)
        new = numbers == NO_SERIES
        if new.any():
            pairs = np.unique(device[new].astype(np.int64) * CODES + code[new])
            added = self.series.add(
                (pairs // CODES).astype(np.int32), (pairs % CODES).astype(np.uint8)
            )
            self.rules.ranges.set_idle(added)
            numbers[new] = self.series.numbers_of(device[new], code[new])
        return numbers

    def _order(
        self,
        slow: NDArray[np.bool_],
        code: NDArray[np.uint8],
        owner: NDArray[np.intp],
    ) -> NDArray[np.intp]:
        """The readings to look at one by one, in the order in which to do so."""
        order = np.flatnonzero(slow)
        if self.rules.is_gas[code].any():
            # an uplink's temperature first: its gases are judged at it
            order = order[np.lexsort((code[order] != TEMPERATURE, owner[order]))]
        return order

    def _pass_quiet(
        self,
        series: NDArray[np.int32],
        columns: tuple[
            NDArray[np.int32],
            NDArray[np.uint8],
            NDArray[np.float64],
            NDArray[np.int64],
        ],
        levels: tuple[NDArray[np.intp], Seen],
    ) -> tuple[NDArray[np.bool_], int]:
        """Take all readings of the series of which no reading can move anything.

        `columns`: device, code, value, measured_at; `levels`: which of them are fill
        levels, and what was seen in those. Answers which readings are to be looked
        at one by one, and how many of the others came late.
        """
        known = self.series
        order = np.argsort(series, kind="stable")
        s = series[order]
        device, code = columns[0][order], columns[1][order]
        value, at = columns[2][order], columns[3][order]
        starts = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
        sizes = np.diff(np.r_[starts, len(s)])
        own = s[starts]
        last = np.r_[NEVER, at[:-1]]
        last[starts] = known.last_at[own]
        newer = at > last
        loud = newer & ~((known.low[s] <= value) & (value < known.high[s]))
        loud |= self._forecasts_move(columns[0], *levels)[order]
        gas = self.rules.is_gas[code]
        if gas.any():  # in order: a gas is judged at the temperature of its moment
            loud |= (code == TEMPERATURE) & np.isin(device, device[gas])
        loud |= (gas | ~newer) & np.repeat(sizes > 1, sizes)
        quiet = ~np.logical_or.reduceat(loud, starts)
        fresh = quiet & newer[starts]
        ends = (starts + sizes - 1)[fresh]
        known.last_at[own[fresh]] = at[ends]
        known.last_value[own[fresh]] = value[ends]
        known.samples[own[fresh]] += sizes[fresh]
        slow = np.empty(len(s), np.bool_)
        slow[order] = np.repeat(~quiet, sizes)
        return slow, int((quiet & ~newer[starts]).sum())

    def _forecasts_move(
        self, device: NDArray[np.int32], level: NDArray[np.intp], seen: Seen
    ) -> NDArray[np.bool_]:
        """Which readings move a forecast, or show an emptying."""
        loud = np.zeros(len(device), np.bool_)
        if self.rules.forecasts and len(level):
            ranges, row = self.rules.ranges, device[level]
            low, high = ranges.chance_low[:, row], ranges.chance_high[:, row]
            chances = seen.told[:3]
            loud[level] = ((chances < low) | (chances >= high)).any(axis=0)
        if seen.emptied:  # whether it is one is for all sensors of the asset to say
            asset = self.registry.asset_of[device]
            emptied = [service.asset for _, service in seen.emptied]
            loud[level] |= np.isin(asset[level], emptied)
        return loud

    def _sample(
        self,
        sample: tuple[int, float, int],
        reading: int,
        levels: tuple[Told, Service | None],
        hooks: tuple[
            set[tuple[int, int]] | None,
            Callable[[int, list[Moved]], None],
            Callable[[int, Service], None],
        ],
    ) -> bool:
        """One reading (series, value, ms) that may move something; False: it is late.

        `levels`: what is estimated by it, and the emptying that it shows.
        """
        series, value, at = sample
        known = self.series
        last = known.last_at.item(series)
        if at <= last:
            return False
        given, decide, serve = hooks
        before = known.last_value.item(series)
        known.last_at[series], known.last_value[series] = at, value
        known.samples[series] += 1
        device = known.device.item(series)
        registry = self.registry
        asset = registry.asset_of.item(device)
        since = registry.mounted_from.item(device)
        until = registry.mounted_until.item(device)
        if asset < 0 or not since <= at < until:
            return True
        if last < since:
            last, before = NEVER, np.nan
        told, service = levels
        if service is not None:
            if given is None:
                seen = not self._still_full(series, at)
            else:
                seen = (asset, service.at) in given
            if seen:
                serve(reading, service)
        moved = self.rules.evaluate(series, value, at, (last, before), told)
        if moved:
            decide(reading, moved)
        return True

    def _still_full(self, series: int, at: int) -> bool:
        """Whether another sensor on the asset knows of content at `at` (ms)."""
        registry, columns = self.registry, self.series
        mounted = registry.asset_of == columns.asset_of(series)
        for device in np.flatnonzero(mounted).tolist():
            other = columns.number(device, FILL)
            if other in (NO_SERIES, series):
                continue
            last = columns.last_at.item(other)
            known = max(3 * registry.interval_ms.item(device), LEAST_GAP_MS)
            here = last >= registry.mounted_from.item(device)
            if here and at - last <= known and columns.last_value.item(other) >= BELOW:
                return True
        return False

    # -- services --

    def serviced(
        self, service: Service, mask: NDArray[np.bool_] | None = None
    ) -> list[Moved]:
        """A service was done: counts start anew; what that moved."""
        moved, rules = [], self.rules
        mounted = self.registry.asset_of == service.asset
        if mask is not None:
            mounted &= mask
        if service.kind == "cleaned":
            self.health.cleaned(np.flatnonzero(mounted).tolist(), service.at)
        if service.kind == "emptied":
            self.levels.emptied(np.flatnonzero(mounted).tolist(), service.at)
        for device in np.flatnonzero(mounted).tolist():
            for series in self.series.of_device(device):
                self.series.since[series] = 0.0
                for rule in rules.selector.rules_of(series):
                    track = rules.tracks.get((rule.id, series))
                    if rule.kind not in ENDS[service.kind] or track is None:
                        continue
                    was = track.level(rule)
                    track.reset()
                    if was:
                        moved.append(Moved(rule, series, Severity.NONE, 0.0, track))
                    rules.keep(rule, series, track)
                rules.ranges.update(series)
        return moved
