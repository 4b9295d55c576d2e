"""Who is told of a change: subscribers chosen, what is muted held back until it is not.

What it decides goes into a `ChangeSet` as outbox rows; nothing is sent from here.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from sensorhub.alerts.board import Alert, Board, Change
from sensorhub.alerts.event import VERSION, Event, resolved, rfc3339, texts, view
from sensorhub.alerts.mute import Silence as Mute
from sensorhub.alerts.mute import inhibited_by, silenced_by
from sensorhub.alerts.rules import Rule
from sensorhub.alerts.transitions import RESOLVED, Transition
from sensorhub.model import Category, Severity
from sensorhub.rules.schema import Inhibit
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.outbox import OutboxRow
from sensorhub.store.subscriptions import Choice, Subscription

MQTT = "mqtt"
encode = msgspec.json.Encoder().encode
Wants = Callable[[Choice, Event, str], bool]


class NotificationPolicy:
    """Enters notifications. `wants(choice, event, told_before)` chooses subscribers."""

    def __init__(
        self,
        state: State,
        board: Board,
        rules: Mapping[str, Rule],
        inhibits: tuple[Inhibit, ...],
        wants: Wants,
    ) -> None:
        self.mutes: list[Mute] = []
        self.subscriptions: list[Subscription] = []
        self.held: dict[str, tuple[Alert, Event]] = {}
        self._state = state
        self._board = board
        self._rules = rules
        self._inhibits = inhibits
        self._wants = wants
        self._zones: set[tuple[str, str]] | None = None

    def hold(self, pairs: Iterable[tuple[Alert, Transition]]) -> None:
        """Alerts whose last transition subscribers were not told before a restart."""
        for alert, transition in pairs:
            event = self._event(Change(alert, transition), "restart")
            self.held[alert.id] = (alert, event)

    def tell(self, change_set: ChangeSet, change: Change, flapping: bool) -> None:
        """Enter a change and the notifications of it."""
        alert = change.alert
        at = change.transition.at
        self.held.pop(alert.id, None)
        muted = self._muted(alert, at, flapping)
        event = self._event(change, muted)
        change_set.alerts[alert.id] = alert
        change_set.transitions.append(change.transition)
        change_set.moved["transitions"] += 1
        body = encode(event)
        id_ = change.transition.id
        change_set.outbox.append(
            OutboxRow(f"{id_}-{MQTT}", MQTT, alert.id, id_, at, body)
        )
        if muted is None:
            self._notify(change_set, alert, event, body, at)
        elif alert.state == RESOLVED and alert.told == "":
            alert.told = RESOLVED
        else:
            self.held[alert.id] = (alert, event)
            change_set.moved["notifications_held"] += 1

    def _notify(
        self, change_set: ChangeSet, alert: Alert, event: Event, body: bytes, at: int
    ) -> None:
        before, alert.told = alert.told, alert.status
        change_set.alerts[alert.id] = alert
        for item in self.subscriptions:
            if item.disabled is None and self._wants(item.choice, event, before):
                id_ = f"{event.transition.id}-{item.id}"
                change_set.outbox.append(
                    OutboxRow(id_, item.id, alert.id, event.transition.id, at, body)
                )

    def release(self, change_set: ChangeSet, now: int) -> None:
        """Tell what was held back and is held back no more."""
        if not self.held:
            return
        self._state.rules.calm()
        registry, series = self._state.registry, self._state.series
        flapping = {
            (rule, registry.subject(asset))
            for rule, number in self._state.rules.flapping
            if (asset := series.asset_of(number)) >= 0
        }
        self._zones = {(r, other.zone) for (r, _), other in self._board.open.items()}
        for alert, event in list(self.held.values()):
            if self._muted(alert, now, (alert.rule, alert.subject) in flapping) is None:
                del self.held[alert.id]
                if alert.told != alert.status:
                    event.muted_by = None
                    self._notify(change_set, alert, event, encode(event), now)
        self._zones = None

    def _fires_in(self, rule: str, zone: str) -> bool:
        if self._zones is not None:
            return (rule, zone) in self._zones
        return any(
            r == rule and other.zone == zone
            for (r, _), other in self._board.open.items()
        )

    def _muted(self, alert: Alert, now: int, flapping: bool) -> str | None:
        """What holds notifications of the alert back; danger is never held."""
        if alert.severity is Severity.DANGER:
            return None
        place = (alert.rule, alert.subject.id, alert.zone)
        mute = silenced_by(self.mutes, place, now, alert.danger_at)
        if mute is not None:
            return f"silence:{mute.id}"
        outage = self._outage(alert)
        if outage is not None:
            return f"inhibited:{outage}"
        source = inhibited_by(
            self._inhibits,
            alert.rule,
            lambda rule: (rule, alert.subject) in self._board.open,
            lambda rule: self._fires_in(rule, alert.zone),
        )
        if source is not None:
            return f"inhibited:{source}"
        ours = alert.subject.is_asset and alert.category is not Category.SAFETY
        if ours and self._state.registry.out_of_service(alert.subject.no, now):
            return "out_of_service"
        return "flapping" if flapping else None

    def _outage(self, alert: Alert) -> str | None:
        """The rule of the outage of a group that explains an alert about a device."""
        if alert.category is not Category.DEVICE or not alert.subject.is_asset:
            return None
        outages = [key for key in self._board.open if key[1].is_group]
        if not outages:
            return None
        state = self._state
        here = state.registry.asset_of == alert.subject.no
        mine = {*state.reception.gateway[here].tolist(), *state.zone[here].tolist()}
        return next((rule for rule, group in outages if group.no in mine), None)

    def _event(self, change: Change, muted: str | None) -> Event:
        """The versioned object of a change."""
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
            text = texts(rule, name, alert.zone, alert.severity, cause)
        if alert.state == RESOLVED:
            text = resolved(text)
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
            muted_by=muted,
            transition=view(change.transition),
            text=text,
            members=alert.cause.members or [],
        )
