"""A zone or a gateway that falls silent as a whole: one alert, and nobody else's.

Devices of a place that is out raise no alert of their own; when it is back their
silence begins anew.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.alerts.groups import Group, Share
from sensorhub.columns import Columns, Notes, pack
from sensorhub.model import NEVER, Severity
from sensorhub.store.changeset import ChangeSet, JournalEntry

LISTED = 1_000  # members in an alert; its numbers count them all


def counted(lifecycle: AlertLifecycle, group: Group, now: int) -> NDArray[np.int32]:
    """By device the place that a rule counts it to; 0 for none.

    Of a zone those do not count whose gateway is out: that is the trouble's name.
    """
    state, registry = lifecycle.state, lifecycle.state.registry
    asset = registry.asset_of
    counts = (
        (asset >= 0) & (state.reception.monitored_at != NEVER) & group.selected[asset]
    )
    counts &= ~((registry.out_from[asset] <= now) & (now < registry.out_until[asset]))
    if group.rule.settings.by == "gateway":
        return np.where(counts, state.reception.gateway, 0)
    outs = [n for n in lifecycle.out() if state.places[n].kind == "gateway"]
    if outs:
        counts &= ~np.isin(state.reception.gateway, np.array(outs, np.int32))
    return np.where(counts, state.zone, 0)


def look(
    lifecycle: AlertLifecycle, change_set: ChangeSet, now: int, covered: int
) -> None:
    """Raise and end the alerts of group rules at `now` (ms).

    `covered`: the covered time at the look before, for a restart: who was silent then
    had an alert of his own.
    """
    state = lifecycle.state
    quiet = state.reception.monitored_ms - state.reception.monitored_at
    back: list[int] = []
    for group in lifecycle.groups:
        rule = group.rule
        open_ = {-a for r, a in lifecycle.board.open if r == rule.id and a < 0}
        place = counted(lifecycle, group, now)
        for share in group.shares(place, quiet, open_):
            before = lifecycle.board.worst(rule.id, -share.place)
            level = group.level(share, before)
            if level == before or (level > before and not rule.in_schedule(now)):
                continue
            cause = _cause(lifecycle, share, now, level)
            if level:
                cause["covered"] = covered
            lifecycle.level(change_set, rule, (-share.place, -1), level, now, cause)
            if not level:
                back.append(share.place)
    if back:
        _excuse(lifecycle, change_set, back, now)


def _cause(
    lifecycle: AlertLifecycle, share: Share, now: int, level: Severity
) -> dict[str, object]:
    registry = lifecycle.state.registry
    cause: dict[str, object] = {
        "reason": "group" if level else "uplinks",
        "deadline_at": now,
        "value": round(share.percent, 1),
        "silent": len(share.silent),
        "of": share.of,
    }
    if level:
        assets = {registry.asset_ids[a] for a in registry.asset_of[share.silent]}
        cause["members"] = sorted(assets)[:LISTED]
    return cause


def _excuse(
    lifecycle: AlertLifecycle, change_set: ChangeSet, places: list[int], now: int
) -> None:
    """The silence of devices whose place is back begins anew."""
    state = lifecycle.state
    here = np.isin(state.reception.gateway, places) | np.isin(state.zone, places)
    here &= state.reception.monitored_at != NEVER
    devices = np.flatnonzero(here).tolist()
    state.reception.restart_silence(devices)
    notes = Notes(state.reception.monitored_ms, [], excused=devices)
    change_set.journal = JournalEntry(now, 0, pack(Columns.empty(), notes))
