"""Evaluation of rules on a sample: the value compared, and the changes of level."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sensorhub.alerts import flapping
from sensorhub.alerts.rule_track import RuleTrack
from sensorhub.alerts.rules import CHANCES, HOUR_MS, Rule
from sensorhub.model import (
    BY_NAME,
    CATALOGUE,
    CODES,
    NEVER,
    Category,
    MeasurementKind,
    Severity,
)
from sensorhub.registry.registry import Registry
from sensorhub.standards.gas import USUAL_CELSIUS
from sensorhub.state.no_change import NoChangeRanges, Tracks
from sensorhub.state.rule_selection import RuleSelector
from sensorhub.state.series import NO_SERIES, Series

TEMPERATURE = BY_NAME["temperature"].no
COUNTERS = frozenset(e.no for e in CATALOGUE if e.kind is MeasurementKind.COUNTER)
OVERTAKEN = 5  # counts
MOST_AT_ONCE, MOST_AN_HOUR = 300, 3_600  # people through one door


# by a reading: chances (%) as rules.CHANCES has them, then the fill (%)
ReadingForecast = Sequence[float]
NO_FORECAST = (np.nan,) * (len(CHANCES) + 1)


class SeriesSample(NamedTuple):
    """A reading on its series, and the one before it (NEVER, NaN: there is none)."""

    series: int
    value: float
    at: int  # ms
    last_at: int
    last_value: float


class LevelChange(NamedTuple):
    """A rule's level moved on one series."""

    rule: Rule
    series: int
    level: Severity
    value: float
    track: RuleTrack
    fill: float | None = None  # %, as estimated: of a forecast


class RuleEvaluator:
    """Evaluates the sample-driven rules on series; holds their tracks.

    `tracks` has the state of a rule on a series where it is not idle.
    """

    def __init__(
        self, registry: Registry, series: Series, rules: tuple[Rule, ...]
    ) -> None:
        self.rules = rules
        self.forecasts = tuple(rule for rule in rules if rule.kind == "forecast")
        self.is_gas = np.zeros(CODES, np.bool_)  # judged in mg/m³ by some rule
        self.is_gas[[rule.code for rule in rules if rule.clauses.gas]] = True
        self.tracks: Tracks = {}
        self.flapping: set[tuple[str, int]] = set()
        self.selector = RuleSelector(registry, series, rules)
        self.ranges = NoChangeRanges(
            registry, self.selector, series, rules, self.tracks
        )
        self._registry, self._series = registry, series
        self._mounted: dict[int, list[int]] = {}  # devices by asset, as asked for

    def refresh(self) -> None:
        """Drop tracks that rules or register no longer support; set the ranges."""
        self.selector.clear()
        self.ranges.clear()
        self._drop_unsupported()
        self.ranges.set_idle(np.arange(self._series.count))
        for _, series in self.tracks:
            self.ranges.update(series)

    def _drop_unsupported(self) -> None:
        """Drop tracks of rules that do not apply, and counts before a new mounting."""
        series, count = self._series, self._series.count
        since = self._registry.mounted_from[series.device[:count]]
        fresh = series.last_at[:count] < since  # no sample of the present mounting
        series.since[:count][fresh] = 0.0
        for rule, number in list(self.tracks):
            applies = any(r.id == rule for r in self.selector.rules_of(number))
            if fresh[number] or not applies:
                del self.tracks[rule, number]

    def forget(self, rule: str, series: int) -> None:
        """Let a rule begin anew on a series."""
        del self.tracks[rule, series]
        self.ranges.update(series)

    def raise_track(self, rule: Rule, device: int, level: Severity) -> int:
        """Make a track that shows `level`, as the database says; its series."""
        series = self._series.number(device, rule.code)
        if series == NO_SERIES:
            pair = np.array([device], np.int32), np.array([rule.code], np.uint8)
            new = self._series.add(*pair)
            self.ranges.set_idle(new)
            series = int(new[0])
        track = self.tracks.setdefault((rule.id, series), RuleTrack(len(rule.limits)))
        for limit, comparator in zip(rule.limits, track.comparators, strict=True):
            comparator.active = limit.severity <= level
        self.ranges.update(series)
        return series

    def evaluate(
        self, sample: SeriesSample, forecast: ReadingForecast
    ) -> list[LevelChange]:
        """Evaluate all rules on a sample; the levels that moved.

        `forecast`: what is estimated by it.
        """
        moved = []
        series, at, columns = sample.series, sample.at, self._series
        rules = self.selector.rules_of(series)
        device, code = columns.device.item(series), columns.code.item(series)
        if code in COUNTERS:
            bits = self._registry.counter_bits(device, code)
            hours = (at - sample.last_at) / HOUR_MS
            step = count_step(sample.last_value, sample.value, bits, hours)
            columns.since[series] += step
        out = self._registry.out_of_service(columns.asset_of(series), at)
        for rule in rules:
            track = self.tracks.get((rule.id, series))
            if track is None:
                if self._stays_idle(rule, sample.value, forecast):
                    continue
                track = RuleTrack(len(rule.limits))
            level = track.level(rule)
            off = out and rule.category is not Category.SAFETY
            shown = self._step(rule, track, sample, forecast, off)
            now = track.level(rule)
            if now != level:
                self._changed(rule, series, track)
                fill = forecast[-1] if rule.kind == "forecast" else None
                moved.append(LevelChange(rule, series, now, shown, track, fill))
            self.keep(rule, series, track)
        self.ranges.update(series)
        return moved

    def _stays_idle(self, rule: Rule, value: float, forecast: ReadingForecast) -> bool:
        """Whether a rule without a track has nothing to do."""
        if rule.kind == "forecast":
            return not any(forecast[x.chance] >= x.raise_ for x in rule.limits)
        low, high = self.ranges.idle[rule.id]
        return low <= value < high

    def _step(
        self,
        rule: Rule,
        track: RuleTrack,
        sample: SeriesSample,
        forecast: ReadingForecast,
        off: bool,
    ) -> float:
        """Step a track by a sample; the value that was compared.

        `off`: the asset is out of service and the rule does not run there.
        """
        at, last = sample.at, sample.last_at
        device = self._series.device.item(sample.series)
        longest = rule.max_gap_for(self._registry.interval_ms.item(device))
        gap = last != NEVER and at - last > longest
        if rule.kind == "forecast":
            if off:
                track.restart_holds()
            elif not np.isnan(forecast[0]):
                track.evaluate_chances(rule, forecast, at, gap)
            return _chance_shown(rule, track, forecast)
        shown = self._shown(rule, sample)
        blind = rule.kind == "rate" and (last == NEVER or gap)
        if off:
            track.mean.clear()
        elif rule.over:
            mean = track.mean.add(at, shown, rule.over, longest)
            blind = mean is None
            shown = shown if mean is None else mean
        if off or blind:
            track.restart_holds()
        else:
            track.evaluate(rule, shown, at, gap)
        return shown

    def _shown(self, rule: Rule, sample: SeriesSample) -> float:
        """What a rule compares: the value, its rate an hour, or a count."""
        if rule.kind == "count_since":
            return sum(
                self._series.since.item(x) for x in self._asset_counters(sample.series)
            )
        if rule.kind == "rate":
            hours = (sample.at - sample.last_at) / HOUR_MS
            return (sample.value - sample.last_value) / hours
        if rule.clauses.gas:
            return rule.clauses.shown(sample.value, self.celsius(sample.series))
        return sample.value

    def _asset_counters(self, series: int) -> list[int]:
        """Return the series of the same counter on all devices of the series' asset."""
        columns = self._series
        asset, code = columns.asset_of(series), columns.code.item(series)
        if asset not in self._mounted:
            here = np.flatnonzero(self._registry.asset_of == asset)
            self._mounted[asset] = here.tolist()
        found = [columns.number(device, code) for device in self._mounted[asset]]
        return [one for one in found if one != NO_SERIES]

    def celsius(self, series: int) -> float:
        """The last temperature of the series' own device, else 25 °C."""
        columns = self._series
        own = columns.number(columns.device.item(series), TEMPERATURE)
        celsius = columns.last_value.item(own) if own != NO_SERIES else np.nan
        return USUAL_CELSIUS if np.isnan(celsius) else celsius

    def _changed(self, rule: Rule, series: int, track: RuleTrack) -> None:
        samples = int(self._series.samples[series])
        key = (rule.id, series)
        # it had stopped flapping before this sample, even if no tick noticed
        was = key in self.flapping and flapping.is_flapping(
            track.changes, samples - 1, True
        )
        track.changes = [*flapping.recent_changes(track.changes, samples), samples]
        if flapping.is_flapping(track.changes, samples, was):
            self.flapping.add(key)
        else:
            self.flapping.discard(key)

    def keep(self, rule: Rule, series: int, track: RuleTrack) -> None:
        """Keep a track that was moved; an idle one is dropped."""
        oldest = self._series.samples[series] - flapping.STATES
        if track.changes and track.changes[-1] < oldest:
            track.changes = []
        if track.is_idle():
            self.tracks.pop((rule.id, series), None)
        else:
            self.tracks[rule.id, series] = track

    def calm(self) -> list[tuple[str, int]]:
        """Flapping tracks that have calmed down; they are flapping no more."""
        calm = []
        for key in sorted(self.flapping):
            track = self.tracks.get(key)
            changes = track.changes if track else []
            if not flapping.is_flapping(
                changes, int(self._series.samples[key[1]]), True
            ):
                calm.append(key)
        self.flapping.difference_update(calm)
        return calm


def _chance_shown(rule: Rule, track: RuleTrack, forecast: ReadingForecast) -> float:
    """The chance (%) of the level that a forecast's track shows."""
    level = track.level(rule)
    shows = next((x for x in rule.limits if x.severity == level), rule.limits[0])
    return round(forecast[shows.chance], 1)


def count_step(before: float, value: float, bits: int, hours: float) -> float:
    """How many more a counter shows after so many hours; across a wrap or a reset.

    A counter of `bits` (0: it does not wrap) that fell has wrapped if that many people
    can have come; else it was reset and counted from zero. One that fell by a few was
    overtaken by a later reading.
    """
    if np.isnan(before):
        return 0.0
    if value >= before:
        return value - before
    if before - value <= OVERTAKEN and value > before / 2:
        return 0.0
    size = 1 << bits
    wrapped = value - before + size
    possible = before < size and wrapped <= max(MOST_AT_ONCE, MOST_AN_HOUR * hours)
    return wrapped if possible else value
