"""Decide why the notifications of an alert are held."""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from sensorhub.alerts.muting import MuteReason, inhibiting_rule
from sensorhub.alerts.open_alerts import Alert, OpenAlerts
from sensorhub.alerts.silences import Silence, SilenceTarget, active_silence
from sensorhub.model import Category, Severity
from sensorhub.rules.schema import Inhibit
from sensorhub.state.state import State


class MuteSources(NamedTuple):
    """What people decided about notifications: silences now, inhibition by rules."""

    silences: Sequence[Silence]
    inhibits: Sequence[Inhibit]


class MuteCheck:
    """Asks of alerts whether they are muted at `now` (ms)."""

    def __init__(
        self, state: State, open_alerts: OpenAlerts, sources: MuteSources, now: int
    ) -> None:
        self._state = state
        self._alerts = open_alerts
        self._sources = sources
        self._now = now

    def muted_by(self, alert: Alert, flapping: bool) -> str | None:
        """Return why notifications of an alert are held; None: they are not.

        Danger is never muted. Out of service mutes no alert about safety.
        """
        if alert.severity is Severity.DANGER:
            return None
        target = SilenceTarget(alert.rule, alert.subject.id, alert.zone)
        silences = self._sources.silences
        silence = active_silence(silences, target, self._now, alert.danger_at)
        if silence is not None:
            return MuteReason.SILENCE.by(silence.id)
        rule = self._outage(alert) or self._inhibiting(alert)
        if rule is not None:
            return MuteReason.INHIBITED.by(rule)
        stops = alert.subject.is_asset and alert.category is not Category.SAFETY
        if stops and self._state.registry.out_of_service(alert.subject.no, self._now):
            return MuteReason.OUT_OF_SERVICE
        return MuteReason.FLAPPING if flapping else None

    def _inhibiting(self, alert: Alert) -> str | None:
        """The rule that inhibits an alert by `inhibit` in rules.toml."""
        return inhibiting_rule(
            self._sources.inhibits,
            alert.rule,
            lambda rule: (rule, alert.subject) in self._alerts.by_key,
            lambda rule: (rule, alert.zone) in self._firing_zones,
        )

    @cached_property
    def _firing_zones(self) -> set[tuple[str, str]]:
        """Rules with an open alert, each with the zone of it."""
        return {(alert.rule, alert.zone) for alert in self._alerts.by_key.values()}

    def _outage(self, alert: Alert) -> str | None:
        """The rule of the outage of a group that explains an alert about a device."""
        if alert.category is not Category.DEVICE or not alert.subject.is_asset:
            return None
        outages = [key for key in self._alerts.by_key if key[1].is_group]
        if not outages:
            return None
        state = self._state
        here = state.registry.asset_of == alert.subject.no
        mine = {*state.reception.gateway[here].tolist(), *state.zone[here].tolist()}
        return next((rule for rule, group in outages if group.no in mine), None)
