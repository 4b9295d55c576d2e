"""Which rules apply to which series and assets."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from sensorhub.alerts.rules import Rule
from sensorhub.registry.registry import Registry, Traits
from sensorhub.state.series import Series


class RuleSelector:
    """The rules that apply to a series; equal assets share one look-up."""

    def __init__(
        self, registry: Registry, series: Series, rules: tuple[Rule, ...]
    ) -> None:
        self._registry, self._series, self._rules = registry, series, rules
        self.by_asset = any(rule.settings.select.assets for rule in rules)
        self._some_blind = any(rule.clauses.blind for rule in rules)
        self._cache: dict[tuple[Traits, str, int], tuple[Rule, ...]] = {}

    def clear(self) -> None:
        """Forget the cached look-ups: rules or register may have changed."""
        self._cache.clear()

    def rules_of(self, series: int) -> tuple[Rule, ...]:
        """The sample-driven rules that apply to a series and that it can serve.

        Rules whose limit the sensor cannot judge are left out.
        """
        rules = self.rules_of_any_sensor(series)
        if not self._some_blind:
            return rules
        profile = self._registry.profiles[self._series.device.item(series)]
        name = profile.name if profile else ""
        return tuple(rule for rule in rules if name not in rule.clauses.blind)

    def rules_of_any_sensor(self, series: int) -> tuple[Rule, ...]:
        """The sample-driven rules on a series, whatever its sensor is."""
        asset = self._series.asset_of(series)
        traits = self._registry.traits[asset] if asset >= 0 else None
        if traits is None:
            return ()
        id_ = self._registry.asset_ids[asset]
        return self._rules_for(traits, id_, self._series.code.item(series))

    def _rules_for(self, traits: Traits, asset: str, code: int) -> tuple[Rule, ...]:
        """Rules on measurement `code` of an asset with these traits."""
        key = (traits, asset if self.by_asset else "", code)
        if key not in self._cache:
            self._cache[key] = tuple(
                rule
                for rule in self._rules
                if rule.code == code and selects(rule, traits, asset)
            )
        return self._cache[key]

    def forecasts_of(self, series: int) -> list[Rule]:
        """The forecast rules on a series."""
        return [rule for rule in self.rules_of(series) if rule.kind == "forecast"]

    def selects(self, rule: str, traits: Traits | None, asset: str) -> bool:
        """Whether rule `rule` applies to an asset with these traits."""
        return traits is not None and any(
            r.id == rule and selects(r, traits, asset) for r in self._rules
        )

    def unjudged(self) -> Iterator[tuple[str, str, int]]:
        """(rule, profile, devices) where mounted sensors cannot judge its limit."""
        registry = self._registry
        mounted = np.flatnonzero(registry.asset_of >= 0).tolist()
        for rule in self._rules:
            found: Counter[str] = Counter()
            for device in mounted if rule.clauses.blind else ():
                profile, asset = registry.profiles[device], registry.asset_of[device]
                traits = registry.traits[asset]
                if profile and profile.name in rule.clauses.blind and traits:
                    here = selects(rule, traits, registry.asset_ids[asset])
                    found[profile.name] += here
            yield from ((rule.id, name, n) for name, n in sorted(found.items()) if n)


def selects(rule: Rule, traits: Traits, asset: str) -> bool:
    """Whether a rule applies to an asset with these traits."""
    select = rule.settings.select
    return (
        (not select.kinds or traits.kind in select.kinds)
        and (not select.zones or traits.zone in select.zones)
        and (not select.sites or traits.site in select.sites)
        and (not select.assets or asset in select.assets)
        and (not select.tags or not traits.tags.isdisjoint(select.tags))
        and rule.admits(traits.tags)
    )
