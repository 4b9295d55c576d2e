"""Series: one measurement of one device, its last value and the rules on it.

Series columns grow as series are first seen. The quiet band of a series holds
the values for which no rule on it would move.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import CHANCES, Rule
from sensorhub.alerts.track import QUIET, Track, chance_band, quiet_band
from sensorhub.model import CODES, FILL, NEVER, Severity
from sensorhub.registry.registry import Registry, Traits

NO_SERIES = -1


class Series:
    """Series columns and the rules' tracks by (rule, series)."""

    def __init__(self, registry: Registry, rules: tuple[Rule, ...]) -> None:
        self.registry = registry
        self.rules = rules
        self.series_of = np.full((registry.devices, CODES), -1, np.int32)
        self.series = 0
        self._allocate(1024)
        size = (len(CHANCES), registry.devices)
        self.chance_low, self.chance_high = (
            np.full(size, QUIET[0]),
            np.full(size, QUIET[1]),
        )
        self.forecasts = tuple(rule for rule in rules if rule.kind == "forecast")
        self.tracks: dict[tuple[str, int], Track] = {}
        self.rest_bands = {rule.id: quiet_band(rule, None) for rule in rules}
        self._by_asset = any(rule.settings.select.assets for rule in rules)
        self._some_blind = any(rule.clauses.blind for rule in rules)
        self.is_gas = np.zeros(CODES, np.bool_)  # judged in mg/m³ by some rule
        self.is_gas[[rule.code for rule in rules if rule.clauses.gas]] = True
        self._bands: dict[tuple[Traits, int], tuple[float, float]] = {}
        self._chance_bands: dict[tuple[str, ...], NDArray[np.float64]] = {}
        self._rules_cache: dict[tuple[Traits, str, int], tuple[Rule, ...]] = {}

    def _allocate(self, size: int) -> None:
        self.s_device = np.zeros(size, np.int32)
        self.s_code = np.zeros(size, np.uint8)
        self.last_at = np.full(size, NEVER, np.int64)
        self.last_value = np.full(size, np.nan)
        self.low = np.full(size, QUIET[0])
        self.high = np.full(size, QUIET[1])
        self.samples = np.zeros(size, np.int64)
        self.since = np.zeros(size)

    SERIES_COLUMNS = (
        "s_device",
        "s_code",
        "last_at",
        "last_value",
        "low",
        "high",
        "samples",
        "since",
    )

    def _grow(self, need: int) -> None:
        have = len(self.s_device)
        if need <= have:
            return
        old = {name: getattr(self, name) for name in self.SERIES_COLUMNS}
        self._allocate(max(need, have + have // 2))
        for name, column in old.items():
            getattr(self, name)[: self.series] = column[: self.series]

    def add_series(self, device: int, code: int) -> int:
        """A new series; its number."""
        self._grow(self.series + 1)
        number = self.series
        self.series += 1
        self.s_device[number], self.s_code[number] = device, code
        self.series_of[device, code] = number
        self._set_at_rest(np.array([number]))
        return number

    def add_all_series(self, device: NDArray[np.int32], code: NDArray[np.uint8]) -> int:
        """Many new series at once, each once; the first one's number."""
        first = self.series
        self._grow(first + len(device))
        self.series += len(device)
        numbers = np.arange(first, self.series)
        self.s_device[numbers], self.s_code[numbers] = device, code
        self.series_of[device, code] = numbers
        self._set_at_rest(numbers)
        return first

    def _set_at_rest(self, series: NDArray[np.int64]) -> None:
        """Quiet bands of series without tracks: alike assets have the same ones."""
        registry = self.registry
        asset = registry.asset_of[self.s_device[series]]
        alike = asset if self._by_asset else registry.alike[asset]
        key = np.where(asset < 0, -1, alike).astype(np.int64) * CODES
        key += self.s_code[series]
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        bands = [self._band_at_rest(number) for number in series[first].tolist()]
        if bands:
            self.low[series], self.high[series] = np.array(bands)[which].T
        levels = self.s_code[series] == FILL
        if self.forecasts and levels.any():
            groups, place = np.unique(which[levels], return_inverse=True)
            found = [self._chances_at_rest(n) for n in series[first[groups]].tolist()]
            chances = np.array(found)[place].T
            device = self.s_device[series[levels]]
            self.chance_low[:, device], self.chance_high[:, device] = chances

    def _chances_at_rest(self, series: int) -> NDArray[np.float64]:
        """As `_chances` without tracks: worked out once for the same forecasts."""
        rules = self._forecasts_of(series)
        key = tuple(rule.id for rule in rules)
        if key not in self._chance_bands:
            self._chance_bands[key] = self._chances([(rule, None) for rule in rules])
        return self._chance_bands[key]

    def _set_chances(self, device: int, series: int) -> None:
        """Between which chances no forecast on a series would move, tracks and all."""
        rules = self._forecasts_of(series)
        bands = self._chances([(r, self.tracks.get((r.id, series))) for r in rules])
        self.chance_low[:, device], self.chance_high[:, device] = bands.T

    def _forecasts_of(self, series: int) -> list[Rule]:
        return [rule for rule in self.rules_of(series) if rule.kind == "forecast"]

    @staticmethod
    def _chances(rules: list[tuple[Rule, Track | None]]) -> NDArray[np.float64]:
        """By chance the low and high that no rule would move between."""
        found = np.array([QUIET] * len(CHANCES))
        for rule, track in rules:
            band = np.array(chance_band(rule, track))
            found[:, 0] = np.maximum(found[:, 0], band[:, 0])
            found[:, 1] = np.minimum(found[:, 1], band[:, 1])
        return found

    def refresh(self) -> None:
        """Rules or register may have changed: drop what has no ground, set bands."""
        self._rules_cache.clear()
        self._bands.clear()
        self._chance_bands.clear()
        self._drop_groundless()
        self._set_at_rest(np.arange(self.series))
        for _, series in self.tracks:
            self.rest(series)

    def _drop_groundless(self) -> None:
        """Tracks of rules that look away, and what was before a new mounting."""
        fresh = self._mounted_since(slice(None, self.series))
        self.since[: self.series][fresh] = 0.0
        for rule, series in list(self.tracks):
            looked_at = any(r.id == rule for r in self.rules_of(series))
            if fresh[series] or not looked_at:
                del self.tracks[rule, series]

    def _mounted_since(self, series: slice) -> NDArray[np.bool_]:
        """Which series have no sample of their device's present mounting."""
        since = self.registry.mounted_from[self.s_device[series]]
        mask: NDArray[np.bool_] = self.last_at[series] < since
        return mask

    def _band_at_rest(self, series: int) -> tuple[float, float]:
        asset = self.asset_of(series)
        traits = self.registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return QUIET
        key = (traits, int(self.s_code[series]))
        band = self._bands.get(key)
        if band is None or self._by_asset:
            band = self._bands[key] = self._band(NO_SERIES, self._named_for(series))
        return band

    def asset_of(self, series: int) -> int:
        """Number of the asset that the series' device is mounted on; -1: none."""
        return int(self.registry.asset_of.item(self.s_device.item(series)))

    def rules_of(self, series: int) -> tuple[Rule, ...]:
        """The sample-driven rules that look at a series and that it can serve.

        A sensor that cannot judge a rule's limit is not asked.
        """
        rules = self._named_for(series)
        if not self._some_blind:
            return rules
        profile = self.registry.profiles[self.s_device.item(series)]
        name = profile.name if profile else ""
        return tuple(rule for rule in rules if name not in rule.clauses.blind)

    def _named_for(self, series: int) -> tuple[Rule, ...]:
        """The sample-driven rules on a series, whatever its sensor is."""
        asset = self.asset_of(series)
        traits = self.registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return ()
        id_ = self.registry.asset_ids[asset]
        return self.rules_for(traits, id_, self.s_code.item(series))

    def rules_for(self, traits: Traits, asset: str, code: int) -> tuple[Rule, ...]:
        """Rules on measurement `code` of an asset with these traits."""
        key = (traits, asset if self._by_asset else "", code)
        if key not in self._rules_cache:
            self._rules_cache[key] = tuple(
                rule
                for rule in self.rules
                if rule.code == code and selects(rule, traits, asset)
            )
        return self._rules_cache[key]

    def rest(self, series: int) -> None:
        """Set the quiet band from the rules and their tracks."""
        self.low[series], self.high[series] = self._band(series, self.rules_of(series))
        if self.forecasts and self.s_code.item(series) == FILL:
            self._set_chances(self.s_device.item(series), series)

    def _band(self, series: int, rules: tuple[Rule, ...]) -> tuple[float, float]:
        low, high = QUIET
        for rule in rules:
            track = self.tracks.get((rule.id, series))
            band = quiet_band(rule, track) if track else self.rest_bands[rule.id]
            low, high = max(low, band[0]), min(high, band[1])
        return low, high

    def forget(self, rule: str, series: int) -> None:
        """Let a rule begin anew on a series."""
        del self.tracks[rule, series]
        self.rest(series)

    def raise_track(self, rule: Rule, device: int, level: Severity) -> int:
        """Make a track that shows `level`, as the database says; its series."""
        series = int(self.series_of[device, rule.code])
        if series < 0:
            series = self.add_series(device, rule.code)
        track = self.tracks.setdefault((rule.id, series), Track(len(rule.limits)))
        for limit, comparator in zip(rule.limits, track.comparators, strict=True):
            comparator.active = limit.severity <= level
        self.rest(series)
        return series

    def selects(self, rule: str, traits: Traits | None, asset: str) -> bool:
        """Whether rule `rule` is about an asset with these traits."""
        return traits is not None and any(
            r.id == rule and selects(r, traits, asset) for r in self.rules
        )

    def unjudged(self) -> Iterator[tuple[str, str, int]]:
        """(rule, profile, devices) where mounted sensors cannot judge its limit."""
        registry = self.registry
        mounted = np.flatnonzero(registry.asset_of >= 0).tolist()
        for rule in self.rules:
            found: Counter[str] = Counter()
            for device in mounted if rule.clauses.blind else ():
                profile, asset = registry.profiles[device], registry.asset_of[device]
                traits = registry.traits[asset]
                if profile and profile.name in rule.clauses.blind and traits:
                    here = selects(rule, traits, registry.asset_ids[asset])
                    found[profile.name] += here
            yield from ((rule.id, name, n) for name, n in sorted(found.items()) if n)

    def numbers_of(
        self, device: NDArray[np.int32], code: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The series numbers of readings; new series are made."""
        numbers: NDArray[np.int32] = self.series_of[device, code]
        new = numbers < 0
        if new.any():
            pairs = np.unique(device[new].astype(np.int64) * CODES + code[new])
            self.add_all_series(
                (pairs // CODES).astype(np.int32), (pairs % CODES).astype(np.uint8)
            )
            numbers[new] = self.series_of[device[new], code[new]]
        return numbers


def selects(rule: Rule, traits: Traits, asset: str) -> bool:
    """Whether a rule is about an asset with these traits."""
    select = rule.settings.select
    return (
        (not select.kinds or traits.kind in select.kinds)
        and (not select.zones or traits.zone in select.zones)
        and (not select.sites or traits.site in select.sites)
        and (not select.assets or asset in select.assets)
        and (not select.tags or not traits.tags.isdisjoint(select.tags))
        and rule.admits(traits.tags)
    )
