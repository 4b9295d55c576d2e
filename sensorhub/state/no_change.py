"""No-change ranges: between which values and chances no rule on a series would move.

Readings within the range of their series need no evaluation one by one.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rule_track import (
    ANY_VALUE,
    RuleTrack,
    no_change_chances,
    no_change_range,
)
from sensorhub.alerts.rules import CHANCES, Rule
from sensorhub.model import CODES, FILL
from sensorhub.registry.registry import Registry, Traits
from sensorhub.state.rule_selection import RuleSelector
from sensorhub.state.series import Series

Tracks = dict[tuple[str, int], RuleTrack]  # by rule and series


class NoChangeRanges:
    """Sets the ranges of series (`Series.low`, `.high`) and of their forecasts.

    `chance_low` and `chance_high` hold, by chance and device, between which chances
    (%) no forecast would move.
    """

    def __init__(
        self,
        registry: Registry,
        selector: RuleSelector,
        series: Series,
        rules: tuple[Rule, ...],
        tracks: Tracks,
    ) -> None:
        self._registry, self._selector, self._series = registry, selector, series
        self._tracks = tracks
        size = (len(CHANCES), registry.devices)
        self.chance_low, self.chance_high = (
            np.full(size, ANY_VALUE[0]),
            np.full(size, ANY_VALUE[1]),
        )
        self._forecasts = any(rule.kind == "forecast" for rule in rules)
        self.idle = {rule.id: no_change_range(rule, None) for rule in rules}
        self._ranges: dict[tuple[Traits, int], tuple[float, float]] = {}
        self._chance_ranges: dict[tuple[str, ...], NDArray[np.float64]] = {}

    def clear(self) -> None:
        """Forget the cached ranges: rules or register may have changed."""
        self._ranges.clear()
        self._chance_ranges.clear()

    # -- series without tracks --

    def set_idle(self, series: NDArray[np.int64]) -> None:
        """Set the ranges of series without tracks: equal assets have equal ones."""
        registry, columns = self._registry, self._series
        asset = registry.asset_of[columns.device[series]]
        alike = asset if self._selector.by_asset else registry.alike[asset]
        key = np.where(asset < 0, -1, alike).astype(np.int64) * CODES
        key += columns.code[series]
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        ranges = [self._idle_range(number) for number in series[first].tolist()]
        if ranges:
            columns.low[series], columns.high[series] = np.array(ranges)[which].T
        levels = columns.code[series] == FILL
        if self._forecasts and levels.any():
            groups, place = np.unique(which[levels], return_inverse=True)
            found = [self._idle_chances(n) for n in series[first[groups]].tolist()]
            chances = np.array(found)[place].T
            device = columns.device[series[levels]]
            self.chance_low[:, device], self.chance_high[:, device] = chances

    def _idle_range(self, series: int) -> tuple[float, float]:
        asset = self._series.asset_of(series)
        traits = self._registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return ANY_VALUE
        key = (traits, int(self._series.code[series]))
        found = self._ranges.get(key)
        if found is None or self._selector.by_asset:
            rules = self._selector.rules_of_any_sensor(series)
            found = self._ranges[key] = _common([self.idle[r.id] for r in rules])
        return found

    def _idle_chances(self, series: int) -> NDArray[np.float64]:
        """Chance ranges without tracks: computed once for the same forecasts."""
        rules = self._selector.forecasts_of(series)
        key = tuple(rule.id for rule in rules)
        if key not in self._chance_ranges:
            found = _common_chances([(rule, None) for rule in rules])
            self._chance_ranges[key] = found
        return self._chance_ranges[key]

    # -- series with tracks --

    def update(self, series: int) -> None:
        """Set the ranges of a series from its rules and their tracks."""
        columns, tracks = self._series, self._tracks
        found = []
        for rule in self._selector.rules_of(series):
            track = tracks.get((rule.id, series))
            found.append(no_change_range(rule, track) if track else self.idle[rule.id])
        columns.low[series], columns.high[series] = _common(found)
        if self._forecasts and columns.code.item(series) == FILL:
            rules = self._selector.forecasts_of(series)
            pairs = [(rule, tracks.get((rule.id, series))) for rule in rules]
            device = columns.device.item(series)
            ranges = _common_chances(pairs)
            self.chance_low[:, device], self.chance_high[:, device] = ranges.T


def _common(ranges: list[tuple[float, float]]) -> tuple[float, float]:
    """The values that lie within all ranges."""
    low, high = ANY_VALUE
    for own in ranges:
        low, high = max(low, own[0]), min(high, own[1])
    return low, high


def _common_chances(rules: list[tuple[Rule, RuleTrack | None]]) -> NDArray[np.float64]:
    """By chance the low and high that no rule would move between."""
    found = np.array([ANY_VALUE] * len(CHANCES))
    for rule, track in rules:
        own = np.array(no_change_chances(rule, track))
        found[:, 0] = np.maximum(found[:, 0], own[:, 0])
        found[:, 1] = np.minimum(found[:, 1], own[:, 1])
    return found
