"""After a start: what sources say, rebuilt from tracks and from open alerts.

Which alerts are open, and how severe they are, is the database's word and wins.
"""

from sqlite3 import Connection

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.lifecycle import Desk
from sensorhub.alerts.board import Alert
from sensorhub.alerts.system import SYSTEM_RULES
from sensorhub.alerts.timers import Silence
from sensorhub.model import BY_NAME, Category, Severity
from sensorhub.store import alerts

TOLD_FOR_MS = 7 * 86_400_000


def recall_untold(desk: Desk, connection: Connection, now: int) -> None:
    """Hold again what subscribers were not told yet, of the last seven days."""
    waiting = alerts.load_untold(connection, now - TOLD_FOR_MS)
    waiting += [a for a in desk.board.open.values() if a.told != a.status]
    for alert in waiting:
        rows = alerts.transitions_of(connection, [alert.id])
        if rows.get(alert.id):
            desk.teller.hold([(alert, rows[alert.id][-1].transition())])


def recall(desk: Desk) -> None:
    """Rebuild what sources say from tracks and from open timer alerts."""
    for (rule_id, series), track in list(desk.state.tracks.items()):
        asset = desk.state.asset_of(series)
        level = track.level(desk.rules[rule_id])
        alert = desk.board.open.get((rule_id, asset))
        if not level or (alert is not None and level <= alert.severity):
            desk.board.note(rule_id, asset, series, level)
        else:  # its alert has ended, or is less by now: the database wins
            desk.state.forget(rule_id, series)
    for (rule_id, asset), alert in desk.board.open.items():
        if desk.board.worst(rule_id, asset) is Severity.NONE:
            _recall_track(desk, alert)
        for overdue in desk.overdue:
            if overdue.rule.id == rule_id:
                overdue.level[asset] = alert.severity
                desk.board.note(rule_id, asset, -1, alert.severity)
        for silence in desk.silences:
            if silence.rule.id == rule_id:
                _recall_silent(desk, silence, alert)
        if rule_id in SYSTEM_RULES or asset < 0:
            desk.board.note(rule_id, asset, -1, alert.severity)


def _recall_track(desk: Desk, alert: Alert) -> None:
    """An alert that no track stands for gets one, so that it can end.

    Its state was lost, or its sensor was swapped: a bin stays as full as it
    was until the new sensor says otherwise, while what was wrong with the
    old sensor itself is over.
    """
    rule = desk.rules.get(alert.rule)
    code = BY_NAME.get(str(alert.cause.get("measurement")))
    if rule is None or code is None or code.no != rule.code:
        return
    device = _cause_device(desk, alert)
    if device is None and rule.category is not Category.DEVICE:
        device = _successor(desk, alert.asset, rule.code)
    if device is None:
        return
    level = max(
        (x.severity for x in rule.limits if x.severity <= alert.severity),
        default=Severity.NONE,
    )
    if level:  # else the rule has no such severity any more
        series = desk.state.raise_track(rule, device, level)
        desk.board.note(rule.id, alert.asset, series, level)


def _cause_device(desk: Desk, alert: Alert) -> int | None:
    """Number of the device that the alert is due to, if it is still there."""
    registry = desk.state.registry
    device = registry.device_no.get(str(alert.cause.get("device")))
    if device is None or registry.asset_of[device] != alert.asset:
        return None
    return device


def _successor(desk: Desk, asset: int, code: int) -> int | None:
    """A device on the asset now, best one that has shown the measurement."""
    mounted = np.flatnonzero(desk.state.registry.asset_of == asset).tolist()
    shown = [d for d in mounted if desk.state.series_of[d, code] >= 0]
    return next(iter(shown or mounted), None)


def _recall_silent(desk: Desk, silence: Silence, alert: Alert) -> None:
    state = desk.state
    here = state.registry.asset_of == alert.asset
    quiet = state.covered - state.covered_at > silence.limit
    silent = np.flatnonzero(here & quiet & ~_excused(desk, silence)).tolist()
    cause = _cause_device(desk, alert)
    if not silent and cause is not None:
        silent = [cause]
    for device in silent:
        silence.flagged[device] = True
        place = (silence.rule.id, alert.asset, -2 - device)
        desk.board.note(*place, alert.severity)


def _excused(desk: Desk, silence: Silence) -> NDArray[np.bool_]:
    """Devices that were not silent yet when the place that they speak through was."""
    state = desk.state
    found = np.zeros(len(state.covered_at), np.bool_)
    for (_, asset), alert in desk.board.open.items():
        if asset < 0:
            here = (state.gateway == -asset) | (state.zone == -asset)
            told = alert.cause.get("covered", 0) - state.covered_at > silence.limit
            found |= here & ~told
    return found
