"""What every uplink moves, as columns: windows, last values, rule tracks.

The pipeline moves this state with live batches and the fold moves it with journal
rows, through the very same methods, so that a restart changes nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts import flap
from sensorhub.alerts.rules import HOUR_MS, LEAST_GAP_MS, Rule, Track
from sensorhub.columns import NO_DEVICE, Columns, Service
from sensorhub.estimate.odour import Baseline
from sensorhub.estimate.service import BELOW, emptyings, is_emptying
from sensorhub.model import (
    BY_NAME,
    CATALOGUE,
    Category,
    MeasurementKind,
    Outcome,
    Quality,
    Severity,
)
from sensorhub.registry import Registry
from sensorhub.series import NO_SERIES, Series
from sensorhub.standards.gas import USUAL_CELSIUS
from sensorhub.windows import NEVER, Windows

FILL = BY_NAME["fill_level"].no
NH3 = BY_NAME["nh3"].no
TEMPERATURE = BY_NAME["temperature"].no
COUNTERS = frozenset(e.no for e in CATALOGUE if e.kind is MeasurementKind.COUNTER)


class Moved(NamedTuple):
    """A rule's level moved on one series."""

    rule: Rule
    series: int
    level: Severity
    value: float
    track: Track


class State(Windows, Series):
    """The hub's memory: windows, series, and what samples move."""

    def __init__(self, registry: Registry, rules: tuple[Rule, ...]) -> None:
        Windows.__init__(self, registry)
        Series.__init__(self, registry, rules)
        self.baselines: dict[int, Baseline] = {}
        self.flapping: set[tuple[str, int]] = set()

    # -- estimates --

    def smell(
        self, columns: Columns, mask: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Feed gas readings to the baselines: (reading, rise in ppm) where known."""
        gas = np.flatnonzero((columns.code == NH3) & (columns.quality < 2))
        if not len(gas):
            return []
        owner = columns.owner()
        rises = []
        for reading in gas.tolist():
            uplink = owner[reading]
            device = int(columns.device[uplink])
            if columns.outcome[uplink] != Outcome.STORED or device < 0:
                continue
            if mask is not None and not mask[device]:
                continue
            baseline = self.baselines.setdefault(device, Baseline())
            at, value = columns.measured_at[reading], columns.value[reading]
            rise = baseline.add(int(at), float(value))
            if rise is not None:
                rises.append((reading, round(rise, 3)))
        return rises

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
        stored = (columns.outcome == Outcome.STORED) & (columns.device != NO_DEVICE)
        if mask is not None:
            stored &= mask[columns.device]
        use = stored[owner] & (columns.quality != Quality.REJECTED)
        picked = np.flatnonzero(use)
        if not len(picked):
            return 0
        device = columns.device[owner[picked]]
        code = columns.code[picked]
        value = columns.value[picked]
        at = columns.measured_at[picked]
        series = self.numbers_of(device, code)
        slow = self._repeated(series)
        newer = at > self.last_at[series]
        before = self.last_value[series]
        slow |= newer & ~((self.low[series] <= value) & (value < self.high[series]))
        slow |= newer & (code == FILL) & emptyings(before, value)
        gas = self.is_gas[code]
        if gas.any():  # in order: a gas is judged at the temperature of its moment
            slow |= (code == TEMPERATURE) & np.isin(device, device[gas])
        given = None if services is None else {(s.asset, s.at) for s in services}
        if given:
            slow |= newer & np.isin(at, [when for _, when in given])
        quick = newer & ~slow
        numbers = series[quick]
        self.last_at[numbers] = at[quick]
        self.last_value[numbers] = value[quick]
        self.samples[numbers] += 1
        late = int((~newer & ~slow).sum())
        order = np.flatnonzero(slow)
        if gas.any():  # an uplink's temperature first: its gases are judged at it
            order = order[
                np.lexsort((code[order] != TEMPERATURE, owner[picked[order]]))
            ]
        for i in order.tolist():
            late += not self._sample(
                int(series[i]),
                float(value[i]),
                int(at[i]),
                int(picked[i]),
                (given, decide, serve),
            )
        return late

    @staticmethod
    def _repeated(series: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which readings are of a series that stands more than once."""
        order = np.argsort(series, kind="stable")
        ordered = series[order]
        same = ordered[1:] == ordered[:-1]
        repeated = np.zeros(len(series), np.bool_)
        if same.any():
            repeated[order[1:][same]] = True
            repeated[order[:-1][same]] = True
        return repeated

    def _sample(
        self,
        series: int,
        value: float,
        at: int,
        reading: int,
        hooks: tuple[
            set[tuple[int, int]] | None,
            Callable[[int, list[Moved]], None],
            Callable[[int, Service], None],
        ],
    ) -> bool:
        """One reading that may move something; False where it came late."""
        last = self.last_at.item(series)
        if at <= last:
            return False
        given, decide, serve = hooks
        before = self.last_value.item(series)
        self.last_at[series], self.last_value[series] = at, value
        self.samples[series] += 1
        device = self.s_device.item(series)
        registry = self.registry
        asset = self.asset_of(series)
        since = registry.mounted_from.item(device)
        until = registry.mounted_until.item(device)
        if asset < 0 or not since <= at < until:
            return True
        if last < since:
            last, before = NEVER, np.nan
        if self.s_code.item(series) == FILL:
            seen = (asset, at) in given if given is not None else None
            if seen is None:
                seen = is_emptying(before, value) and not self._still_full(series, at)
            if seen:
                serve(reading, Service(asset, "emptied", at))
        moved = self._run_rules(series, value, at, (last, before))
        if moved:
            decide(reading, moved)
        return True

    def _still_full(self, series: int, at: int) -> bool:
        """Whether another sensor on the asset knows of content at `at` (ms)."""
        registry = self.registry
        for device in np.flatnonzero(registry.asset_of == self.asset_of(series)):
            other = self.series_of.item(device, FILL)
            if other in (NO_SERIES, series):
                continue
            last = self.last_at.item(other)
            known = max(3 * registry.interval_ms.item(device), LEAST_GAP_MS)
            here = last >= registry.mounted_from.item(device)
            if here and at - last <= known and self.last_value.item(other) >= BELOW:
                return True
        return False

    def _run_rules(
        self, series: int, value: float, at: int, prior: tuple[int, float]
    ) -> list[Moved]:
        last, before = prior
        moved = []
        rules = self.rules_of(series)
        device, code = self.s_device.item(series), self.s_code.item(series)
        if code in COUNTERS:
            bits = self.registry.counter_bits(device, code)
            self.since[series] += count_step(before, value, bits)
        interval = self.registry.interval_ms.item(device)
        out = self.registry.out_of_service(self.asset_of(series), at)
        for rule in rules:
            track = self.tracks.get((rule.id, series))
            if track is None:
                low, high = self.rest_bands[rule.id]
                if low <= value < high:
                    continue
                track = Track(len(rule.limits))
            level = track.level(rule)
            gap = last != NEVER and at - last > rule.max_gap_for(interval)
            shown = self._shown(rule, series, value, (at, last, before))
            blind = rule.kind == "rate" and (last == NEVER or gap)
            if out and rule.category is not Category.SAFETY:
                blind = True
                track.mean.clear()
            elif rule.over:
                longest = rule.max_gap_for(interval)
                mean = track.mean.add(at, shown, rule.over, longest)
                blind = mean is None
                shown = shown if mean is None else mean
            if blind:
                track.gap()
            else:
                track.step(rule, shown, at, gap)
            now = track.level(rule)
            if now != level:
                self._changed(rule, series, track)
                moved.append(Moved(rule, series, now, shown, track))
            self._keep(rule, series, track)
        self.low[series], self.high[series] = self._band(series, rules)
        return moved

    def _shown(
        self, rule: Rule, series: int, value: float, times: tuple[int, int, float]
    ) -> float:
        """What a rule looks at: the value, its rate an hour, or a count."""
        at, last, before = times
        if rule.kind == "count_since":
            return float(self.since[series])
        if rule.kind == "rate":
            return (value - before) / ((at - last) / HOUR_MS)
        if rule.clauses.gas:
            return rule.clauses.shown(value, self.celsius(series))
        return value

    def celsius(self, series: int) -> float:
        """The last temperature that the series' own device told, else 25 °C."""
        own = self.series_of.item(self.s_device.item(series), TEMPERATURE)
        told = self.last_value.item(own) if own >= 0 else np.nan
        return USUAL_CELSIUS if np.isnan(told) else told

    def _changed(self, rule: Rule, series: int, track: Track) -> None:
        samples = int(self.samples[series])
        key = (rule.id, series)
        # calm before this sample is calm, whether a tick has seen it or not
        was = key in self.flapping and flap.is_flapping(
            track.changes, samples - 1, True
        )
        track.changes = [*flap.recent(track.changes, samples), samples]
        if flap.is_flapping(track.changes, samples, was):
            self.flapping.add(key)
        else:
            self.flapping.discard(key)

    def _keep(self, rule: Rule, series: int, track: Track) -> None:
        if track.changes and track.changes[-1] < self.samples[series] - flap.STATES:
            track.changes = []
        if track.idle():
            self.tracks.pop((rule.id, series), None)
        else:
            self.tracks[rule.id, series] = track

    def calm(self) -> list[tuple[str, int]]:
        """Flapping tracks that have calmed down; they are flapping no more."""
        calm = []
        for key in sorted(self.flapping):
            track = self.tracks.get(key)
            changes = track.changes if track else []
            if not flap.is_flapping(changes, int(self.samples[key[1]]), True):
                calm.append(key)
        self.flapping.difference_update(calm)
        return calm

    # -- services --

    def serviced(
        self, asset: int, mask: NDArray[np.bool_] | None = None
    ) -> list[Moved]:
        """A service was done: counts start anew; what that moved."""
        moved = []
        mounted = self.registry.asset_of == asset
        if mask is not None:
            mounted &= mask
        for device in np.flatnonzero(mounted).tolist():
            for series in self.series_of[device].tolist():
                if series < 0:
                    continue
                self.since[series] = 0.0
                for rule in self.rules_of(series):
                    track = self.tracks.get((rule.id, series))
                    if rule.kind != "count_since" or track is None:
                        continue
                    was = track.level(rule)
                    track.reset()
                    if was:
                        moved.append(Moved(rule, series, Severity.NONE, 0.0, track))
                    self._keep(rule, series, track)
                self.rest(series)
        return moved


def count_step(before: float, value: float, bits: int = 0) -> float:
    """How many more a counter shows; across a wrap or a reset, too.

    A counter of `bits` (0: it does not wrap) that fell has wrapped if it was in
    the top quarter and is in the bottom quarter now; else it was reset and
    counted from zero.
    """
    if np.isnan(before):
        return 0.0
    if value >= before:
        return value - before
    size = 1 << bits
    wrapped = 0.75 * size <= before < size and value < 0.25 * size
    return value - before + size if wrapped else value
