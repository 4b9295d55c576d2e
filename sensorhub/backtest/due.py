"""When time alone decides something next: what the watchdog would see first.

A live hub looks at the clock several times a second. In virtual time it is
turned straight to the moments at which a look can decide something.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting import group_outages
from sensorhub.alerts.groups import Group
from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.alerts.timers import NoData, Overdue
from sensorhub.hub.hub import Hub
from sensorhub.hub.watchdog import FAULT_MS, OUTAGE_MS, OWN_FAULTS, Watchdog
from sensorhub.model import NEVER
from sensorhub.registry.registry import FOR_EVER


def due(hub: Hub, watchdog: Watchdog, now: int, hearing: bool) -> int:
    """The first time (ms) after the tick at `now` that decides something.

    If nothing is heard until then; `hearing` as for the tick.
    """
    lifecycle = hub.lifecycle
    found = [hub.registry.next_change]
    found += [_overdue(hub, overdue, now) for overdue in lifecycle.overdue]
    if hearing:
        found += [_silent(hub, silence, now) for silence in lifecycle.silences]
        found += [_group(hub, group, now) for group in lifecycle.groups]
    elif watchdog.deaf_since is not None and not lifecycle.fires("hub_outage"):
        found.append(watchdog.deaf_since + OUTAGE_MS)
    for rule in OWN_FAULTS:
        last = lifecycle.last_fault(rule)
        if last is not None:
            found.append(last + FAULT_MS)
    turn = lifecycle.ahead.turns_at(now, lifecycle.fires("hub_clock"))
    if turn is not None:
        found.append(turn)
    return max(min(found), now + 1)


def horizon(hub: Hub) -> int:
    """How long (ms) after an uplink it can make something due, at the earliest."""
    mounted = hub.registry.asset_of >= 0
    limits = [
        int(silence.limit[mounted].min(initial=FOR_EVER))
        for silence in hub.lifecycle.silences
    ]
    limits += [
        int(overdue.rule.limits[0].raise_ * HOUR_MS)
        for overdue in hub.lifecycle.overdue
    ]
    limits += [
        int(group.limit[mounted].min(initial=FOR_EVER))
        for group in hub.lifecycle.groups
    ]
    return min(limits, default=FOR_EVER)


def _silent(hub: Hub, silence: NoData, now: int) -> int:
    """When the next device will have been silent for too long."""
    state, registry = hub.state, hub.registry
    waits = (
        (state.reception.monitored_at != NEVER)
        & ~silence.flagged
        & (registry.asset_of >= 0)
    )
    excused = hub.lifecycle.excused()
    if excused is not None:
        waits &= ~excused
    left = state.reception.monitored_at + silence.limit - state.reception.monitored_ms
    at = now + left[waits] + 1
    return _first(hub, silence.rule, registry.asset_of[waits], at, now)


def _group(hub: Hub, group: Group, now: int) -> int:
    """When enough of a place will be silent, or more of one that is out."""
    state, board = hub.state, hub.lifecycle.board
    open_ = {-asset for rule, asset in board.open if rule == group.rule.id}
    place = group_outages.counted(hub.lifecycle, group, now)
    quiet = state.reception.monitored_ms - state.reception.monitored_at
    wait = group.due_in(place, quiet, open_)
    if open_:
        wait = min(wait, group.grows_in(place, quiet, open_))
    return FOR_EVER if wait >= FOR_EVER else group.rule.opens_at(now + wait + 1)


def _overdue(hub: Hub, overdue: Overdue, now: int) -> int:
    """When the next service will be overdue."""
    served = hub.lifecycle.service_at
    known = overdue.selected & hub.registry.mounted & (served != NEVER)
    found = []
    for limit in overdue.rule.limits:
        asset = np.flatnonzero(known & (overdue.level < limit.severity))
        at = served[asset] + int(limit.raise_ * HOUR_MS) + 1
        found.append(_first(hub, overdue.rule, asset, at, now))
    return min(found)


def _first(
    hub: Hub,
    rule: Rule,
    asset: NDArray[np.integer],
    at: NDArray[np.int64],
    now: int,
) -> int:
    """The earliest of times, each put off while its asset is out of service."""
    if not len(at):
        return FOR_EVER
    registry = hub.registry
    at = np.maximum(at, now + 1)
    out = (registry.out_from[asset] <= at) & (at < registry.out_until[asset])
    first = int(np.where(out, registry.out_until[asset], at).min())
    return first if first >= FOR_EVER else rule.opens_at(first)
