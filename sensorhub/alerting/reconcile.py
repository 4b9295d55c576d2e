"""Reconcile open alerts with the rules and mountings; quarantine corrupt journal rows.

Runs at startup and after each change of the configuration.
"""

from collections.abc import Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple

import structlog

from sensorhub.alerting.recorder import AlertRecorder
from sensorhub.alerts.open_alerts import Alert
from sensorhub.alerts.rules import Rule
from sensorhub.model import BY_NAME
from sensorhub.state.state import State
from sensorhub.store.hot import damaged_rows
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.journal import JournalRow

log = structlog.get_logger()


class Basis(NamedTuple):
    """What alerts are based on: rules, and the mountings in the state."""

    state: State
    rules: Mapping[str, Rule]
    group_rules: Set[str]


def reconcile_alerts(
    change_set: ChangeSet,
    recorder: AlertRecorder,
    basis: Basis,
    now: int,
) -> None:
    """Resolve alerts whose rule, mounting or asset is gone; lower severities."""
    mounted = set(basis.state.registry.asset_of.tolist())
    replacing = {
        old: rule.id for rule in basis.rules.values() for old in rule.settings.replaces
    }
    for alert in recorder.open_alerts():
        grouped = alert.rule in basis.group_rules
        if alert.rule in replacing:
            recorder.replace(change_set, alert, now, replacing[alert.rule])
        elif alert.rule not in basis.rules or alert.subject.is_group != grouped:
            recorder.resolve(change_set, alert, now, "rule_removed")
        elif grouped:
            continue  # the next evaluation counts its devices
        elif reason := _lost(basis.state, alert, mounted):
            recorder.resolve(change_set, alert, now, reason)
        elif not (worst := recorder.worst(alert.rule, alert.subject)):
            recorder.resolve(change_set, alert, now, _why_lower(basis, alert))
        elif worst < alert.severity:
            recorder.lower(change_set, alert, now, _why_lower(basis, alert))


def _lost(state: State, alert: Alert, mounted: set[int]) -> str:
    """Why an alert must resolve; empty where it need not."""
    if not alert.subject.is_asset:
        return ""
    registry, asset = state.registry, alert.subject.no
    if registry.retired[asset]:
        return "retired"
    if asset not in mounted:
        return "unmounted"
    traits, id_ = registry.traits[asset], registry.asset_ids[asset]
    return (
        "" if state.rules.selector.selects(alert.rule, traits, id_) else "rule_removed"
    )


def _why_lower(basis: Basis, alert: Alert) -> str:
    """Why no source shows the severity of an alert: its sensor or its limit is gone."""
    rule = basis.rules[alert.rule]
    code = BY_NAME.get(alert.cause.measurement or "")
    measures = rule.code == (code.no if code else 0)
    has = any(limit.severity == alert.severity for limit in rule.limits)
    return "unmounted" if measures and has else "rule_removed"


def quarantine(change_set: ChangeSet, rows: Sequence[JournalRow], now: int) -> None:
    """Move damaged journal rows to the quarantine, and count them."""
    for row in rows:
        log.error("damaged journal row set aside", row=row.id, uplinks=row.uplinks)
        change_set.writes.append(
            partial(damaged_rows.set_aside_row, row=row.id, now=now)
        )
        change_set.moved["journal_rows_damaged"] += 1
        change_set.moved["uplinks_damaged"] += row.uplinks
