"""Enter changes of severity as alerts, transitions and notifications.

What is decided goes into a `ChangeSet`; nothing is written from here.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.notifications import NotificationPolicy
from sensorhub.alerts.open_alerts import Alert, AlertSource, OpenAlerts
from sensorhub.alerts.rules import Rule
from sensorhub.alerts.transitions import Cause
from sensorhub.model import Severity
from sensorhub.registry.subjects import HUB, NOWHERE, Subject
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet


class SourceLevel(NamedTuple):
    """The severity that one source of a subject shows under a rule."""

    rule: Rule
    subject: Subject
    source: AlertSource
    level: Severity


class AlertRecorder:
    """Moves the open alerts, and enters each change of them.

    `reconciled_at` (ms): the last reconciliation that ended alerts.
    """

    def __init__(
        self, state: State, open_alerts: OpenAlerts, notifications: NotificationPolicy
    ) -> None:
        self.reconciled_at = 0
        self._state = state
        self._alerts = open_alerts
        self._notifications = notifications

    # -- queries --

    def open_alerts(self) -> list[Alert]:
        """All open alerts."""
        return list(self._alerts.by_key.values())

    def open_alert(self, rule: str, subject: Subject) -> Alert | None:
        """The open alert of a rule about a subject."""
        return self._alerts.by_key.get((rule, subject))

    def worst(self, rule: str, subject: Subject) -> Severity:
        """The worst severity that any source of a subject shows under a rule."""
        return self._alerts.worst_level(rule, subject)

    def outages(self) -> list[Alert]:
        """The open alerts about gateways and zones."""
        return [x for x in self._alerts.by_key.values() if x.subject.is_group]

    def devices_out(self) -> NDArray[np.bool_] | None:
        """By device whether its gateway or zone is out; None: none is."""
        out = [alert.subject.no for alert in self.outages()]
        if not out:
            return None
        found: NDArray[np.bool_] = np.isin(self._state.reception.gateway, out)
        return found | np.isin(self._state.zone, out)

    def deadline(self, at: int) -> int:
        """A deadline (ms) as a cause states it.

        Never before the last reconciliation that ended alerts: an alert that fires
        anew then has another id than the one that ended.
        """
        return max(at, self.reconciled_at)

    # -- changes --

    def set_level(
        self, change_set: ChangeSet, shown: SourceLevel, at: int, cause: Cause
    ) -> None:
        """Set the severity that a source shows, and enter what it changes."""
        rule, subject, source, level = shown
        self._alerts.set_level(rule.id, subject, source, level)
        change = self._alerts.update(
            (rule.id, subject),
            at,
            cause,
            category=rule.category,
            zone=self._zone(subject),
        )
        if change is not None:
            flapping = source.kind == "series" and (
                (rule.id, source.no) in self._state.rules.flapping
            )
            self._notifications.enter_change(change_set, change, flapping)

    def _zone(self, subject: Subject) -> str:
        """The zone of a subject; that of most of its devices for a gateway."""
        if subject.is_asset:
            return self._state.registry.zone_of(subject.no)
        if subject.kind != "gateway":
            return subject.id
        state = self._state
        here = state.reception.gateway == subject.no
        zones = Counter(state.zone[here].tolist())
        zones.pop(NOWHERE, None)
        return state.subjects[zones.most_common(1)[0][0]].id if zones else HUB.id

    def resolve(
        self, change_set: ChangeSet, alert: Alert, at: int, reason: str
    ) -> None:
        """Resolve an alert without a basis: rule_removed, unmounted, retired."""
        cause = Cause(reason=reason, deadline_at=at)
        change = self._alerts.resolve(alert, at, cause)
        self._notifications.enter_change(change_set, change, False)

    def replace(
        self, change_set: ChangeSet, alert: Alert, at: int, replacing: str
    ) -> None:
        """Resolve an alert whose removed rule `replacing` goes on for; quietly."""
        cause = Cause(reason="rule_removed", deadline_at=at)
        change = self._alerts.resolve(alert, at, cause)
        self._notifications.enter_replaced(change_set, change, replacing)

    def lower(self, change_set: ChangeSet, alert: Alert, at: int, reason: str) -> None:
        """Lower an alert to the severity of its remaining sources."""
        change = self._alerts.update(
            (alert.rule, alert.subject),
            at,
            Cause(reason=reason, deadline_at=at),
            category=alert.category,
            zone=alert.zone,
        )
        if change is not None:
            self._notifications.enter_change(change_set, change, False)
