"""Select the subscribers of an alert change.

Notifications of muted alerts are held, and released when they are muted no more. What
is decided goes into a `ChangeSet` as outbox rows; nothing is sent from here.
"""

from collections.abc import Callable, Mapping

import msgspec

from sensorhub.alerting.muting import MuteCheck, MuteSources
from sensorhub.alerts.event import (
    VERSION,
    Event,
    alert_texts,
    resolved_texts,
    rfc3339,
    transition_view,
)
from sensorhub.alerts.muting import MuteReason
from sensorhub.alerts.open_alerts import Alert, AlertChange, AlertKey, OpenAlerts
from sensorhub.alerts.rules import Rule
from sensorhub.alerts.silences import Silence
from sensorhub.alerts.transitions import RESOLVED, Transition
from sensorhub.rules.schema import Inhibit
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.outbox import OutboxRow
from sensorhub.store.subscriptions import Subscription, SubscriptionFilter

MQTT = "mqtt"
encode = msgspec.json.Encoder().encode
Wants = Callable[[SubscriptionFilter, Event, str], bool]


class NotificationPolicy:
    """Enters a change of an alert, and its notifications.

    `wants(choice, event, notified_before)` says whether a subscriber gets an event.
    """

    def __init__(
        self,
        state: State,
        open_alerts: OpenAlerts,
        rules: Mapping[str, Rule],
        inhibits: tuple[Inhibit, ...],
        wants: Wants,
    ) -> None:
        self.silences: list[Silence] = []
        self.subscriptions: list[Subscription] = []
        self._withheld: dict[str, tuple[Alert, Event]] = {}
        self._state = state
        self._alerts = open_alerts
        self._rules = rules
        self._inhibits = inhibits
        self._wants = wants

    def withhold(self, alert: Alert, transition: Transition) -> None:
        """Hold the notification of a transition that was held before a restart."""
        event = self._event(AlertChange(alert, transition), MuteReason.RESTART)
        self._withheld[alert.id] = (alert, event)

    def enter_change(
        self, change_set: ChangeSet, change: AlertChange, flapping: bool
    ) -> None:
        """Enter a change: alert, transition, the event on MQTT, notifications."""
        alert = change.alert
        at = change.transition.at
        self._withheld.pop(alert.id, None)
        muted_by = self._mute_check(at).muted_by(alert, flapping)
        event, body = self._record(change_set, change, muted_by)
        if muted_by is None:
            self._notify(change_set, alert, event, body, at)
        elif alert.state == RESOLVED and alert.notified == "":
            alert.notified = RESOLVED
        else:
            self._withheld[alert.id] = (alert, event)
            change_set.moved["notifications_held"] += 1

    def enter_replaced(
        self, change_set: ChangeSet, change: AlertChange, by: str
    ) -> None:
        """Enter the end of an alert for whose rule another goes on: nobody is
        notified, the state on MQTT is cleared."""
        alert = change.alert
        self._withheld.pop(alert.id, None)
        alert.notified = RESOLVED
        self._record(change_set, change, MuteReason.REPLACED.by(by))

    def _record(
        self, change_set: ChangeSet, change: AlertChange, muted_by: str | None
    ) -> tuple[Event, bytes]:
        """Enter alert, transition and the event on MQTT; the event and its bytes."""
        event = self._event(change, muted_by)
        alert, id_ = change.alert, change.transition.id
        change_set.alerts[alert.id] = alert
        change_set.transitions.append(change.transition)
        change_set.moved["transitions"] += 1
        body = encode(event)
        at = change.transition.at
        change_set.outbox.append(
            OutboxRow(f"{id_}-{MQTT}", MQTT, alert.id, id_, at, body)
        )
        return event, body

    def _notify(
        self, change_set: ChangeSet, alert: Alert, event: Event, body: bytes, at: int
    ) -> None:
        before, alert.notified = alert.notified, alert.status
        change_set.alerts[alert.id] = alert
        for item in self.subscriptions:
            if item.disabled is None and self._wants(item.choice, event, before):
                id_ = f"{event.transition.id}-{item.id}"
                change_set.outbox.append(
                    OutboxRow(id_, item.id, alert.id, event.transition.id, at, body)
                )

    def release(self, change_set: ChangeSet, now: int) -> None:
        """Enter the notifications that were held and are muted no more."""
        if not self._withheld:
            return
        self._state.rules.calm()
        flapping = self._flapping()
        check = self._mute_check(now)
        for alert, event in list(self._withheld.values()):
            if check.muted_by(alert, (alert.rule, alert.subject) in flapping) is None:
                del self._withheld[alert.id]
                if alert.notified != alert.status:
                    event.muted_by = None
                    self._notify(change_set, alert, event, encode(event), now)

    def _mute_check(self, now: int) -> MuteCheck:
        sources = MuteSources(self.silences, self._inhibits)
        return MuteCheck(self._state, self._alerts, sources, now)

    def _flapping(self) -> set[AlertKey]:
        """Rules that flap, each with the asset on which it does."""
        registry, series = self._state.registry, self._state.series
        return {
            (rule, registry.subject(asset))
            for rule, number in self._state.rules.flapping
            if (asset := series.asset_of(number)) >= 0
        }

    def _event(self, change: AlertChange, muted_by: str | None) -> Event:
        """Build the event of a change."""
        alert = change.alert
        registry = self._state.registry
        name = alert.subject.id
        if alert.subject.is_asset:
            name = registry.asset_names[alert.subject.no]
        rule = self._rules.get(alert.rule)
        cause = change.transition.cause
        if alert.state == RESOLVED or cause.value is None:
            cause = alert.cause  # what raised it
        text = dict.fromkeys(("zh-CN", "en"), f"{name}: {alert.rule}")
        if rule is not None:
            text = alert_texts(rule, name, alert.zone, alert.severity, cause)
        if alert.state == RESOLVED:
            text = resolved_texts(text)
        return Event(
            version=VERSION,
            id=alert.id,
            rule=alert.rule,
            category=str(alert.category),
            asset=alert.subject.id,
            asset_name=name,
            zone=alert.zone,
            severity=alert.severity.word,
            state=alert.state,
            started_at=rfc3339(alert.started_at),
            resolved_at=rfc3339(alert.resolved_at),
            acknowledged_by=alert.acknowledged_by,
            assigned_to=alert.assigned_to,
            muted_by=muted_by,
            transition=transition_view(change.transition),
            text=text,
            members=alert.cause.members or [],
        )
