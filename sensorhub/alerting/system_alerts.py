"""Alerts about the hub itself."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.recorder import AlertRecorder, SourceLevel
from sensorhub.alerts.hub_clock import HubClockCheck
from sensorhub.alerts.open_alerts import BY_RULE
from sensorhub.alerts.rules import HOUR_MS
from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.alerts.transitions import Cause
from sensorhub.model import Severity
from sensorhub.registry.registry import FOR_EVER
from sensorhub.registry.subjects import HUB
from sensorhub.store.hot.changeset import ChangeSet

EXPIRING = ("internal_error", "journal_damaged")
EXPIRY_MS = 24 * HOUR_MS  # after the last fault


class SystemAlerts:
    """Raises and resolves the alerts about the hub itself."""

    def __init__(self, recorder: AlertRecorder, devices: int) -> None:
        self._recorder = recorder
        self._hub_clock = HubClockCheck(devices)
        self._confirmed_at: dict[str, int] = {}

    def set(
        self,
        change_set: ChangeSet,
        rule: str,
        fires: bool,
        at: int,
        value: float = 0,
        *,
        about: str = "",
    ) -> None:
        """Raise or resolve the alert of a system rule; `about` names the culprit."""
        if fires:
            self._confirmed_at[rule] = at
        if fires == self.fires(rule):
            return
        cause = Cause(reason=rule, deadline_at=at, value=value, topic=about or None)
        level = Severity.URGENT if fires else Severity.NONE
        shown = SourceLevel(SYSTEM_RULES[rule], HUB, BY_RULE, level)
        self._recorder.set_level(change_set, shown, at, cause)

    def fires(self, rule: str) -> bool:
        """Whether the alert of a system rule is open."""
        return self._recorder.open_alert(rule, HUB) is not None

    def evaluate(self, change_set: ChangeSet, now: int) -> None:
        """Judge the hub's clock, and resolve faults that did not occur again."""
        ahead = self._hub_clock.count_ahead(now)
        if ahead is not None:
            self.set(change_set, "hub_clock", ahead > 0, now, ahead)
        for rule in EXPIRING:
            expires = self._expires_at(rule)
            if expires is not None and now >= expires:
                self.set(change_set, rule, False, now)

    def _expires_at(self, rule: str) -> int | None:
        alert = self._recorder.open_alert(rule, HUB)
        if alert is None:
            return None
        return self._confirmed_at.get(rule, alert.started_at) + EXPIRY_MS

    def record_clocks(
        self,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
        ahead: NDArray[np.bool_],
    ) -> None:
        """Take uplinks with a device time: whether it was ahead of the hub's clock."""
        self._hub_clock.record(device, received_at, ahead)

    # -- what comes next --

    def next_due(self, now: int) -> int:
        """Return when (ms) `evaluate` will change something, without uplinks."""
        found = [self._hub_clock.changes_at(now, self.fires("hub_clock"))]
        found += [self._expires_at(rule) for rule in EXPIRING]
        return min((at for at in found if at is not None), default=FOR_EVER)

    def clock_verdict_changes_at(
        self,
        now: int,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
        ahead: NDArray[np.bool_],
    ) -> int | None:
        """Return when (ms) the verdict on the hub's clock will change; None: it stays.

        The arrays are uplinks to come, as for `record_clocks`.
        """
        fires = self.fires("hub_clock")
        return self._hub_clock.changes_at(now, fires, device, received_at, ahead)
