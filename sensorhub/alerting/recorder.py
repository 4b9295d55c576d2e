"""Enter what a source shows as alert, transition and notifications.

What is decided goes into a `ChangeSet`; nothing is written from here.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.notifications import NotificationPolicy
from sensorhub.alerts.board import Alert, Board
from sensorhub.alerts.rules import Rule
from sensorhub.model import Severity
from sensorhub.state.state import State
from sensorhub.store.changeset import ChangeSet


class SourceLevel(NamedTuple):
    """The severity that one source of an asset shows under a rule."""

    rule: Rule
    asset: int
    source: int
    level: Severity


class AlertRecorder:
    """Moves the open alerts, and enters each change of them.

    `reconciled_at` (ms): the last reconciliation that ended alerts.
    """

    def __init__(
        self, state: State, board: Board, notifications: NotificationPolicy
    ) -> None:
        self.reconciled_at = 0
        self._state = state
        self._board = board
        self._notifications = notifications

    # -- queries --

    def open_alerts(self) -> list[Alert]:
        """All open alerts."""
        return list(self._board.open.values())

    def open_alert(self, rule: str, asset: int) -> Alert | None:
        """The open alert of a rule about an asset."""
        return self._board.open.get((rule, asset))

    def worst(self, rule: str, asset: int) -> Severity:
        """The worst severity that any source of an asset shows under a rule."""
        return self._board.worst(rule, asset)

    def places_out(self, rule: str | None = None) -> list[int]:
        """Gateways and zones with an open outage alert; of one rule or of any."""
        return [
            -asset
            for id_, asset in self._board.open
            if asset < 0 and rule in (None, id_)
        ]

    def outages(self) -> list[Alert]:
        """The open alerts about gateways and zones."""
        return [alert for alert in self._board.open.values() if alert.asset < 0]

    def devices_out(self) -> NDArray[np.bool_] | None:
        """By device whether its gateway or zone is out; None: no place is."""
        out = self.places_out()
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
        self, change_set: ChangeSet, shown: SourceLevel, at: int, cause: dict[str, Any]
    ) -> None:
        """Take what a source shows now; enter the change of the alert, if any."""
        rule, asset, source, level = shown
        self._board.note(rule.id, asset, source, level)
        change = self._board.decide(
            (rule.id, asset),
            self._notifications.asset_id(asset),
            at,
            cause,
            category=rule.category,
            zone=self._notifications.zone(asset),
        )
        if change is not None:
            flapping = (rule.id, source) in self._state.rules.flapping
            self._notifications.tell(change_set, change, flapping)

    def resolve(
        self, change_set: ChangeSet, alert: Alert, at: int, reason: str
    ) -> None:
        """Resolve an alert that cannot stand: rule_removed, unmounted, retired."""
        cause = {"reason": reason, "deadline_at": at}
        asset_id = self._notifications.asset_id(alert.asset)
        change = self._board.resolve(alert, asset_id, at, cause)
        self._notifications.tell(change_set, change, False)

    def lower(self, change_set: ChangeSet, alert: Alert, at: int, reason: str) -> None:
        """Lower an alert whose worst source is gone to what the others show."""
        change = self._board.decide(
            (alert.rule, alert.asset),
            self._notifications.asset_id(alert.asset),
            at,
            {"reason": reason, "deadline_at": at},
            category=alert.category,
            zone=alert.zone,
        )
        if change is not None:
            self._notifications.tell(change_set, change, False)
