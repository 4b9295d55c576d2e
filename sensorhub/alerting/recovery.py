"""After a start: what sources say, rebuilt from tracks and from open alerts.

Which alerts are open, and how severe they are, is the database's word and wins.
"""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.alerts.board import Alert
from sensorhub.alerts.system import SYSTEM_RULES
from sensorhub.alerts.timers import NoData
from sensorhub.model import BY_NAME, Category, Severity
from sensorhub.store import Connection, alerts

TOLD_FOR_MS = 7 * 86_400_000


def recall_untold(lifecycle: AlertLifecycle, connection: Connection, now: int) -> None:
    """Hold again what subscribers were not told yet, of the last seven days."""
    waiting = alerts.load_untold(connection, now - TOLD_FOR_MS)
    waiting += [a for a in lifecycle.board.open.values() if a.told != a.status]
    for alert in waiting:
        rows = alerts.transitions_of(connection, [alert.id])
        if rows.get(alert.id):
            lifecycle.notifications.hold([(alert, rows[alert.id][-1].transition())])


def recall(lifecycle: AlertLifecycle) -> None:
    """Rebuild what sources say from tracks and from open timer alerts."""
    for (rule_id, series), track in list(lifecycle.state.rules.tracks.items()):
        asset = lifecycle.state.series.asset_of(series)
        level = track.level(lifecycle.rules[rule_id])
        alert = lifecycle.board.open.get((rule_id, asset))
        if not level or (alert is not None and level <= alert.severity):
            lifecycle.board.note(rule_id, asset, series, level)
        else:  # its alert has ended, or is less by now: the database wins
            lifecycle.state.rules.forget(rule_id, series)
    for (rule_id, asset), alert in lifecycle.board.open.items():
        if lifecycle.board.worst(rule_id, asset) is Severity.NONE:
            _recall_track(lifecycle, alert)
        for overdue in lifecycle.overdue:
            if overdue.rule.id == rule_id:
                overdue.level[asset] = alert.severity
                lifecycle.board.note(rule_id, asset, -1, alert.severity)
        for silence in lifecycle.silences:
            if silence.rule.id == rule_id:
                _recall_silent(lifecycle, silence, alert)
        if rule_id in SYSTEM_RULES or asset < 0:
            lifecycle.board.note(rule_id, asset, -1, alert.severity)


def _recall_track(lifecycle: AlertLifecycle, alert: Alert) -> None:
    """An alert that no track stands for gets one, so that it can end.

    Its state was lost, or its sensor was swapped: a bin stays as full as it
    was until the new sensor says otherwise, while what was wrong with the
    old sensor itself is over.
    """
    rule = lifecycle.rules.get(alert.rule)
    code = BY_NAME.get(str(alert.cause.get("measurement")))
    if rule is None or code is None or code.no != rule.code:
        return
    device = _cause_device(lifecycle, alert)
    if device is None and rule.category is not Category.DEVICE:
        device = _successor(lifecycle, alert.asset, rule.code)
    if device is None:
        return
    level = max(
        (x.severity for x in rule.limits if x.severity <= alert.severity),
        default=Severity.NONE,
    )
    if level:  # else the rule has no such severity any more
        series = lifecycle.state.rules.raise_track(rule, device, level)
        lifecycle.board.note(rule.id, alert.asset, series, level)


def _cause_device(lifecycle: AlertLifecycle, alert: Alert) -> int | None:
    """Number of the device that the alert is due to, if it is still there."""
    registry = lifecycle.state.registry
    device = registry.device_no.get(str(alert.cause.get("device")))
    if device is None or registry.asset_of[device] != alert.asset:
        return None
    return device


def _successor(lifecycle: AlertLifecycle, asset: int, code: int) -> int | None:
    """A device on the asset now, best one that has shown the measurement."""
    mounted = np.flatnonzero(lifecycle.state.registry.asset_of == asset).tolist()
    shown = [d for d in mounted if lifecycle.state.series.number(d, code) >= 0]
    return next(iter(shown or mounted), None)


def _recall_silent(lifecycle: AlertLifecycle, silence: NoData, alert: Alert) -> None:
    state = lifecycle.state
    here = state.registry.asset_of == alert.asset
    quiet = state.reception.monitored_ms - state.reception.monitored_at > silence.limit
    silent = np.flatnonzero(here & quiet & ~_excused(lifecycle, silence)).tolist()
    cause = _cause_device(lifecycle, alert)
    if not silent and cause is not None:
        silent = [cause]
    for device in silent:
        silence.flagged[device] = True
        place = (silence.rule.id, alert.asset, -2 - device)
        lifecycle.board.note(*place, alert.severity)


def _excused(lifecycle: AlertLifecycle, silence: NoData) -> NDArray[np.bool_]:
    """Devices that were not silent yet when the place that they speak through was."""
    state = lifecycle.state
    found = np.zeros(len(state.reception.monitored_at), np.bool_)
    for (_, asset), alert in lifecycle.board.open.items():
        if asset < 0:
            here = (state.reception.gateway == -asset) | (state.zone == -asset)
            told = (
                alert.cause.get("covered", 0) - state.reception.monitored_at
                > silence.limit
            )
            found |= here & ~told
    return found
