"""Which assets a rule is about."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import Rule
from sensorhub.registry.registry import Registry
from sensorhub.state.rule_selection import selects


def selected_assets(registry: Registry, rule: Rule) -> NDArray[np.bool_]:
    """Return by asset whether the rule selects it."""
    found = [
        traits is not None and selects(rule, traits, registry.asset_ids[asset])
        for asset, traits in enumerate(registry.traits)
    ]
    return np.array(found, np.bool_)
