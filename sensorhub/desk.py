"""From a level that moved to an alert, its transition and who is told.

Owns the board of open alerts, the timers, the mutes and the subscribers. What
it decides goes into a `Ledger`; nothing is sent from here.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from sensorhub.alerts.ahead import Ahead
from sensorhub.alerts.board import RESOLVED, Alert, Board, Change
from sensorhub.alerts.event import VERSION, Event, resolved, rfc3339, texts, view
from sensorhub.alerts.mute import Silence as Mute
from sensorhub.alerts.mute import inhibited_by, silenced_by
from sensorhub.alerts.rules import Rule
from sensorhub.alerts.system import HUB_ASSET, HUB_ID, SYSTEM_RULES
from sensorhub.alerts.timers import NEVER, Overdue, Silence
from sensorhub.columns import Service
from sensorhub.judging import Moved
from sensorhub.ledger import Ledger
from sensorhub.model import BY_NAME, BY_NO, Category, Severity, Transition
from sensorhub.registry import FOR_EVER, SINCE_EVER, Registry
from sensorhub.rulebook import Inhibit
from sensorhub.series import selects
from sensorhub.state import State
from sensorhub.store.outbox import OutboxRow
from sensorhub.store.subscriptions import Choice, Subscription

MQTT = "mqtt"
encode = msgspec.json.Encoder().encode
Wants = Callable[[Choice, Event, str], bool]


class Desk:
    """Decides about alerts. `wants(choice, event, told_before)` chooses subscribers."""

    def __init__(
        self,
        state: State,
        inhibits: tuple[Inhibit, ...],
        wants: Wants,
    ) -> None:
        self.state = state
        self.board = Board()
        self.inhibits = inhibits
        self.mutes: list[Mute] = []
        self.subscriptions: list[Subscription] = []
        self.held: dict[str, tuple[Alert, Event]] = {}
        self.ahead = Ahead(state.registry.devices)
        self.ground_at = 0
        self.told_at: dict[str, int] = {}
        self._wants = wants
        self._zones: set[tuple[str, str]] | None = None
        self.rules = {rule.id: rule for rule in state.rules} | SYSTEM_RULES
        self._build_timers(state.registry)

    def _build_timers(self, registry: Registry) -> None:
        self.service_at = np.full(registry.assets, NEVER, np.int64)
        self.silences = [
            Silence(rule, registry.interval_ms)
            for rule in self.state.rules
            if rule.kind == "no_data"
        ]
        self.overdue = [
            Overdue(
                rule,
                np.array(
                    [
                        t is not None and selects(rule, t, registry.asset_ids[i])
                        for i, t in enumerate(registry.traits)
                    ],
                    np.bool_,
                ),
            )
            for rule in self.state.rules
            if rule.kind == "overdue"
        ]

    def load(self, alerts: list[Alert], services: dict[int, int]) -> None:
        """Take what the database says: open alerts and last services."""
        self.board.load(alerts)
        watched = self.state.registry.watched_from
        known = (watched != SINCE_EVER) & (watched != FOR_EVER)
        self.service_at[known] = watched[known]
        for asset, at in services.items():
            if asset < len(self.service_at):
                self.service_at[asset] = max(self.service_at[asset], at)
        self._recall()

    def _recall(self) -> None:
        """Rebuild what sources say from tracks and from open timer alerts."""
        for (rule_id, series), track in list(self.state.tracks.items()):
            asset = self.state.asset_of(series)
            level = track.level(self.rules[rule_id])
            alert = self.board.open.get((rule_id, asset))
            if not level or (alert is not None and level <= alert.severity):
                self.board.note(rule_id, asset, series, level)
            else:  # its alert has ended, or is less by now: the database wins
                self.state.forget(rule_id, series)
        for (rule_id, asset), alert in self.board.open.items():
            if self.board.worst(rule_id, asset) is Severity.NONE:
                self._recall_track(alert)
            for overdue in self.overdue:
                if overdue.rule.id == rule_id:
                    overdue.level[asset] = alert.severity
                    self.board.note(rule_id, asset, -1, alert.severity)
            for silence in self.silences:
                if silence.rule.id == rule_id:
                    self._recall_silent(silence, alert)
            if rule_id in SYSTEM_RULES:
                self.board.note(rule_id, asset, -1, alert.severity)

    def _recall_track(self, alert: Alert) -> None:
        """An alert that no track stands for gets one, so that it can end.

        Its state was lost, or its sensor was swapped: a bin stays as full as it
        was until the new sensor says otherwise, while what was wrong with the
        old sensor itself is over.
        """
        rule = self.rules.get(alert.rule)
        code = BY_NAME.get(str(alert.cause.get("measurement")))
        if rule is None or code is None or code.no != rule.code:
            return
        device = self._cause_device(alert)
        if device is None and rule.category is not Category.DEVICE:
            device = self._successor(alert.asset, rule.code)
        if device is None:
            return
        level = max(
            (x.severity for x in rule.limits if x.severity <= alert.severity),
            default=Severity.NONE,
        )
        if level:  # else the rule has no such severity any more
            series = self.state.raise_track(rule, device, level)
            self.board.note(rule.id, alert.asset, series, level)

    def gone(self, alert: Alert) -> str:
        """Why nothing stands for an alert as it is: its sensor, or its rule's level."""
        rule = self.rules[alert.rule]
        code = BY_NAME.get(str(alert.cause.get("measurement")))
        looks = rule.code == (code.no if code else 0)
        has = any(limit.severity == alert.severity for limit in rule.limits)
        return "unmounted" if looks and has else "rule_removed"

    def _cause_device(self, alert: Alert) -> int | None:
        """Number of the device that the alert is due to, if it is still there."""
        registry = self.state.registry
        device = registry.device_no.get(str(alert.cause.get("device")))
        if device is None or registry.asset_of[device] != alert.asset:
            return None
        return device

    def _successor(self, asset: int, code: int) -> int | None:
        """A device on the asset now, best one that has shown the measurement."""
        mounted = np.flatnonzero(self.state.registry.asset_of == asset).tolist()
        shown = [d for d in mounted if self.state.series_of[d, code] >= 0]
        return next(iter(shown or mounted), None)

    def _recall_silent(self, silence: Silence, alert: Alert) -> None:
        state = self.state
        here = state.registry.asset_of == alert.asset
        quiet = state.covered - state.covered_at > silence.limit
        silent = np.flatnonzero(here & quiet).tolist()
        cause = self._cause_device(alert)
        if not silent and cause is not None:
            silent = [cause]
        for device in silent:
            silence.flagged[device] = True
            place = (silence.rule.id, alert.asset, -2 - device)
            self.board.note(*place, alert.severity)

    def hold(self, pairs: Iterable[tuple[Alert, Transition]]) -> None:
        """Alerts whose last transition subscribers were not told before a restart."""
        for alert, transition in pairs:
            event = self.event(Change(alert, transition), "restart")
            self.held[alert.id] = (alert, event)

    # -- what moves --

    def level(
        self,
        ledger: Ledger,
        rule: Rule,
        place: tuple[int, int],
        level: Severity,
        at: int,
        cause: dict[str, Any],
    ) -> None:
        """`place` = (asset, source): the source shows `level` now."""
        asset, source = place
        self.board.note(rule.id, asset, source, level)
        change = self.board.decide(
            (rule.id, asset),
            self.asset_id(asset),
            at,
            cause,
            category=rule.category,
            zone=self.zone(asset),
        )
        if change is not None:
            self.tell(ledger, change, (rule.id, source) in self.state.flapping)

    def end(self, ledger: Ledger, alert: Alert, at: int, reason: str) -> None:
        """Resolve an alert whose ground is gone: rule_removed, unmounted, retired."""
        cause = {"reason": reason, "deadline_at": at}
        change = self.board.resolve(alert, self.asset_id(alert.asset), at, cause)
        self.tell(ledger, change, False)

    def lower(self, ledger: Ledger, alert: Alert, at: int, reason: str) -> None:
        """The worst source of an alert is gone: what the others say counts now."""
        change = self.board.decide(
            (alert.rule, alert.asset),
            self.asset_id(alert.asset),
            at,
            {"reason": reason, "deadline_at": at},
            category=alert.category,
            zone=alert.zone,
        )
        if change is not None:
            self.tell(ledger, change, False)

    def system(
        self,
        ledger: Ledger,
        rule: str,
        fires: bool,
        at: int,
        value: float = 0,
        *,
        about: str = "",
    ) -> None:
        """An alert about the hub itself begins or ends; `about` names the culprit."""
        if fires:
            self.told_at[rule] = at
        if fires == self.fires(rule):
            return
        cause = {"reason": rule, "deadline_at": at, "value": value}
        if about:
            cause["topic"] = about
        level = Severity.URGENT if fires else Severity.NONE
        self.level(ledger, SYSTEM_RULES[rule], (HUB_ASSET, -1), level, at, cause)

    def fires(self, rule: str) -> bool:
        """Whether an alert about the hub itself is open."""
        return (rule, HUB_ASSET) in self.board.open

    def last_fault(self, rule: str) -> int | None:
        """When an open alert about the hub itself was last confirmed, ms."""
        alert = self.board.open.get((rule, HUB_ASSET))
        return None if alert is None else self.told_at.get(rule, alert.started_at)

    def serve(self, ledger: Ledger, service: Service, by: str, at: int) -> bool:
        """A service was done: clocks and counts start anew.

        False where a later one is known already: it is only written down.
        """
        ledger.services.append((service, by))
        asset = service.asset
        if service.at <= self.service_at[asset]:
            return False
        self.service_at[asset] = service.at
        cause = {"reason": service.kind, "by": by, "measured_at": service.at}
        for overdue in self.overdue:
            level = overdue.served(asset, service.at, at)
            if level is not None:
                self.level(ledger, overdue.rule, (asset, -1), level, at, cause)
        for moved in self.state.serviced(asset):
            place = (asset, moved.series)
            self.level(ledger, moved.rule, place, moved.level, at, cause)
        return True

    def seen(self, ledger: Ledger, asset: int, at: int) -> None:
        """An asset's first uplink starts its clocks where nothing else did."""
        if self.service_at[asset] == NEVER:
            self.service_at[asset] = at
            ledger.services.append((Service(asset, "first_uplink", at), "hub"))

    def spoke(self, ledger: Ledger, rule: Rule, device: int, at: int) -> None:
        """A silent device spoke again."""
        asset = int(self.state.registry.asset_of[device])
        if asset < 0:
            return
        cause = {
            "reason": "uplink",
            "device": self.state.registry.device_ids[device],
            "deadline_at": at,
        }
        self.level(ledger, rule, (asset, -2 - device), Severity.NONE, at, cause)

    def sample(
        self, ledger: Ledger, moved: Iterable[Moved], at: int, measured_at: int
    ) -> None:
        """Levels that a reading moved."""
        state = self.state
        for item in moved:
            device = int(state.s_device[item.series])
            asset = int(state.registry.asset_of[device])
            if asset < 0:
                continue
            cause = {
                "device": state.registry.device_ids[device],
                "measurement": BY_NO[int(state.s_code[item.series])].name,
                "measured_at": measured_at,
                "value": item.value,
                **self.said(item),
            }
            self.level(ledger, item.rule, (asset, item.series), item.level, at, cause)

    def said(self, moved: Moved) -> dict[str, Any]:
        """Which clause of a standard decided, and at which temperature."""
        clauses = moved.rule.clauses
        said: dict[str, Any] = dict(clauses.said(moved.level))
        if said and clauses.gas:
            said["celsius"] = self.state.celsius(moved.series)
        if said and moved.rule.over:
            said["mean_min"] = moved.rule.over / 60_000
        return said

    # -- who is told --

    def tell(self, ledger: Ledger, change: Change, flapping: bool) -> None:
        """Enter a change and the notifications of it."""
        alert = change.alert
        at = change.transition.at
        self.held.pop(alert.id, None)
        muted = self.muted(alert, at, flapping)
        event = self.event(change, muted)
        ledger.alerts[alert.id] = alert
        ledger.transitions.append(change.transition)
        ledger.moved["transitions"] += 1
        body = encode(event)
        id_ = change.transition.id
        ledger.outbox.append(OutboxRow(f"{id_}-{MQTT}", MQTT, alert.id, id_, at, body))
        if muted is None:
            self._notify(ledger, alert, event, body, at)
        elif alert.state == RESOLVED and alert.told == "":
            alert.told = RESOLVED
        else:
            self.held[alert.id] = (alert, event)
            ledger.moved["notifications_held"] += 1

    def _notify(
        self, ledger: Ledger, alert: Alert, event: Event, body: bytes, at: int
    ) -> None:
        before, alert.told = alert.told, alert.status
        ledger.alerts[alert.id] = alert
        for item in self.subscriptions:
            if item.disabled is None and self._wants(item.choice, event, before):
                id_ = f"{event.transition.id}-{item.id}"
                ledger.outbox.append(
                    OutboxRow(id_, item.id, alert.id, event.transition.id, at, body)
                )

    def release(self, ledger: Ledger, now: int) -> None:
        """Tell what was held back and is held back no more."""
        if not self.held:
            return
        self.state.calm()
        flapping = {
            (rule, self.state.asset_of(series)) for rule, series in self.state.flapping
        }
        self._zones = {(r, other.zone) for (r, _), other in self.board.open.items()}
        for alert, event in list(self.held.values()):
            if self.muted(alert, now, (alert.rule, alert.asset) in flapping) is None:
                del self.held[alert.id]
                if alert.told != alert.status:
                    event.muted_by = None
                    self._notify(ledger, alert, event, encode(event), now)
        self._zones = None

    def _fires_in(self, rule: str, zone: str) -> bool:
        if self._zones is not None:
            return (rule, zone) in self._zones
        return any(
            r == rule and other.zone == zone
            for (r, _), other in self.board.open.items()
        )

    def muted(self, alert: Alert, now: int, flapping: bool) -> str | None:
        """What holds notifications of the alert back; danger is never held."""
        if alert.severity is Severity.DANGER:
            return None
        asset = self.asset_id(alert.asset)
        place = (alert.rule, asset, alert.zone)
        mute = silenced_by(self.mutes, place, now, alert.danger_at)
        if mute is not None:
            return f"silence:{mute.id}"
        source = inhibited_by(
            self.inhibits,
            alert.rule,
            lambda rule: (rule, alert.asset) in self.board.open,
            lambda rule: self._fires_in(rule, alert.zone),
        )
        if source is not None:
            return f"inhibited:{source}"
        ours = alert.asset != HUB_ASSET and alert.category is not Category.SAFETY
        if ours and self.state.registry.out_of_service(alert.asset, now):
            return "out_of_service"
        return "flapping" if flapping else None

    def event(self, change: Change, muted: str | None) -> Event:
        """The versioned object of a change."""
        alert = change.alert
        registry = self.state.registry
        name = HUB_ID if alert.asset == HUB_ASSET else registry.asset_names[alert.asset]
        rule = self.rules.get(alert.rule)
        cause = change.transition.cause
        if alert.state == RESOLVED or "value" not in cause:
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
            asset=self.asset_id(alert.asset),
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
        )

    def is_open(self, topic: str) -> bool:
        """Whether the alert of a retained state's topic fires."""
        _, asset, rule = topic.rsplit("/", 2)
        number = (
            HUB_ASSET if asset == HUB_ID else self.state.registry.asset_no.get(asset)
        )
        return (rule, number) in self.board.open

    # -- who is who --

    def asset_id(self, asset: int) -> str:
        """An asset's id; the hub's own is `hub`."""
        return HUB_ID if asset == HUB_ASSET else self.state.registry.asset_ids[asset]

    def zone(self, asset: int) -> str:
        """An asset's zone; the hub's own is `hub`."""
        return HUB_ID if asset == HUB_ASSET else self.state.registry.zone_of(asset)
