"""Restore what each source shows, from rule tracks and open alerts.

Which alerts are open, and how severe they are, the database decides.
"""

from collections.abc import Mapping

import numpy as np

from sensorhub.alerting.no_data import NoDataAlerts
from sensorhub.alerting.service_clocks import ServiceClocks
from sensorhub.alerts.open_alerts import BY_RULE, Alert, AlertSource, OpenAlerts
from sensorhub.alerts.rules import Rule
from sensorhub.model import BY_NAME, Category, Severity
from sensorhub.state.state import State


class SourceRecovery:
    """Rebuilds the level of each source of the open alerts after these were loaded."""

    def __init__(
        self, state: State, open_alerts: OpenAlerts, rules: Mapping[str, Rule]
    ) -> None:
        self._state = state
        self._alerts = open_alerts
        self._rules = rules

    def restore(self, no_data: NoDataAlerts, services: ServiceClocks) -> None:
        """Rebuild what tracks show, then what timers and outages show."""
        self._restore_tracks()
        for (rule_id, subject), alert in self._alerts.by_key.items():
            if self._alerts.worst_level(rule_id, subject) is Severity.NONE:
                self._raise_track(alert)
            if services.restore(alert):
                self._alerts.set_level(rule_id, subject, BY_RULE, alert.severity)
            for device in no_data.restore(alert, self._cause_device(alert)):
                source = AlertSource.device(device)
                self._alerts.set_level(rule_id, subject, source, alert.severity)
            if subject.kind == "hub" or subject.is_group:
                self._alerts.set_level(rule_id, subject, BY_RULE, alert.severity)

    def _restore_tracks(self) -> None:
        state = self._state
        for (rule_id, series), track in list(state.rules.tracks.items()):
            asset = state.series.asset_of(series)
            level = track.level(self._rules[rule_id])
            if not level:
                continue
            subject = state.registry.subject(asset)
            alert = self._alerts.by_key.get((rule_id, subject)) if asset >= 0 else None
            if alert is not None and level <= alert.severity:
                source = AlertSource.series(series)
                self._alerts.set_level(rule_id, subject, source, level)
            else:  # its alert has ended, or is less by now: the database wins
                state.rules.forget(rule_id, series)

    def _raise_track(self, alert: Alert) -> None:
        """Give an open alert without a source a track, so that it can resolve.

        Its state was lost, or its sensor was swapped: a bin stays as full as it
        was until the new sensor says otherwise, while what was wrong with the
        old sensor itself is over.
        """
        rule = self._rules.get(alert.rule)
        code = BY_NAME.get(alert.cause.measurement or "")
        if rule is None or code is None or code.no != rule.code:
            return
        device = self._cause_device(alert)
        if device is None and rule.category is not Category.DEVICE:
            device = self._successor(alert.subject.no, rule.code)
        if device is None:
            return
        level = max(
            (x.severity for x in rule.limits if x.severity <= alert.severity),
            default=Severity.NONE,
        )
        if level:  # else the rule has no such severity any more
            series = self._state.rules.raise_track(rule, device, level)
            source = AlertSource.series(series)
            self._alerts.set_level(rule.id, alert.subject, source, level)

    def _cause_device(self, alert: Alert) -> int | None:
        """The device in the alert's cause, if it is still on the asset."""
        registry = self._state.registry
        device = registry.device_no.get(alert.cause.device or "")
        if device is None or registry.asset_of[device] != alert.subject.no:
            return None
        return device

    def _successor(self, asset: int, code: int) -> int | None:
        """A device on the asset now, best one that has shown the measurement."""
        state = self._state
        mounted = np.flatnonzero(state.registry.asset_of == asset).tolist()
        shown = [d for d in mounted if state.series.number(d, code) >= 0]
        return next(iter(shown or mounted), None)
