"""When a timer rule may fire at the earliest."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rules import Rule
from sensorhub.registry.registry import FOR_EVER, Registry


def first_deadline(
    registry: Registry,
    rule: Rule,
    asset: NDArray[np.integer],
    at: NDArray[np.int64],
    now: int,
) -> int:
    """Return the earliest time (ms) after `now` at which a rule may fire.

    `at`: the deadline of each asset (ms), put off while the asset is out of service
    and until the schedule of the rule opens.
    """
    if not len(at):
        return FOR_EVER
    at = np.maximum(at, now + 1)
    out = (registry.out_from[asset] <= at) & (at < registry.out_until[asset])
    first = int(np.where(out, registry.out_until[asset], at).min())
    return first if first >= FOR_EVER else rule.opens_at(first)


def shortest_limit(limits: list[NDArray[np.int64]]) -> int:
    """Return the shortest of the limits (ms) of devices; FOR_EVER: there are none."""
    return min((int(x.min(initial=FOR_EVER)) for x in limits), default=FOR_EVER)
