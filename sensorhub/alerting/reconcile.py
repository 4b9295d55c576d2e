"""After a start or a change: alerts without ground end, damage is set aside."""

from collections.abc import Sequence
from functools import partial

import structlog

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.alerts.board import Alert
from sensorhub.store import damaged
from sensorhub.store.changeset import ChangeSet
from sensorhub.store.journal import JournalRow

log = structlog.get_logger()


def end_groundless(change_set: ChangeSet, lifecycle: AlertLifecycle, now: int) -> None:
    """Resolve alerts whose rule, mounting or asset is gone; lower what is less now."""
    mounted = set(lifecycle.state.registry.asset_of.tolist())
    groups = {group.rule.id for group in lifecycle.groups}
    for alert in list(lifecycle.board.open.values()):
        known = alert.rule in lifecycle.rules
        if not known or (alert.asset < 0) != (alert.rule in groups):
            lifecycle.end(change_set, alert, now, "rule_removed")
        elif alert.asset < 0:
            continue  # the next tick counts who is silent
        elif reason := _lost(lifecycle, alert, mounted):
            lifecycle.end(change_set, alert, now, reason)
        elif not (worst := lifecycle.board.worst(alert.rule, alert.asset)):
            lifecycle.end(change_set, alert, now, lifecycle.gone(alert))
        elif worst < alert.severity:
            lifecycle.lower(change_set, alert, now, lifecycle.gone(alert))


def _lost(lifecycle: AlertLifecycle, alert: Alert, mounted: set[int]) -> str:
    """Why an alert cannot stand any more; empty where it can."""
    if not alert.asset:
        return ""
    registry = lifecycle.state.registry
    if registry.retired[alert.asset]:
        return "retired"
    if alert.asset not in mounted:
        return "unmounted"
    traits, id_ = registry.traits[alert.asset], registry.asset_ids[alert.asset]
    return (
        ""
        if lifecycle.state.rules.selector.selects(alert.rule, traits, id_)
        else "rule_removed"
    )


def set_aside(
    change_set: ChangeSet,
    lifecycle: AlertLifecycle,
    rows: Sequence[JournalRow],
    now: int,
) -> None:
    """Keep damaged journal rows apart, count them, and tell."""
    for row in rows:
        log.error("damaged journal row set aside", row=row.id, uplinks=row.uplinks)
        change_set.writes.append(partial(damaged.set_aside_row, row=row.id, now=now))
        change_set.moved["journal_rows_damaged"] += 1
        change_set.moved["uplinks_damaged"] += row.uplinks
    if rows:
        lifecycle.system(change_set, "journal_damaged", True, now, len(rows))
