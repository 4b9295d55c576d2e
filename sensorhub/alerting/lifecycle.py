"""From a level that moved to an alert and its transition.

Owns the board of open alerts and the timers; whom a change is told is the teller's.
What it decides goes into a `ChangeSet`.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.notifications import NotificationPolicy, Wants
from sensorhub.alerts.ahead import Ahead
from sensorhub.alerts.board import Alert, Board
from sensorhub.alerts.groups import Group
from sensorhub.alerts.rules import Rule
from sensorhub.alerts.system import HUB_ASSET, HUB_ID, SYSTEM_RULES
from sensorhub.alerts.timers import NoData, Overdue
from sensorhub.columns import Service
from sensorhub.model import BY_NAME, BY_NO, NEVER, Severity
from sensorhub.registry.registry import FOR_EVER, SINCE_EVER, Registry
from sensorhub.rules.schema import Inhibit
from sensorhub.state.rule_evaluation import Moved
from sensorhub.state.rule_selection import selects
from sensorhub.state.state import State
from sensorhub.store.changeset import ChangeSet


class AlertLifecycle:
    """Decides about alerts; `wants` is for the teller."""

    def __init__(
        self,
        state: State,
        inhibits: tuple[Inhibit, ...],
        wants: Wants,
    ) -> None:
        self.state = state
        self.board = Board()
        self.ahead = Ahead(state.registry.devices)
        self.ground_at = 0
        self.told_at: dict[str, int] = {}
        self.rules = {rule.id: rule for rule in state.rules.rules} | SYSTEM_RULES
        self.notifications = NotificationPolicy(
            state, self.board, self.rules, inhibits, wants
        )
        self._build_timers(state.registry)

    def _build_timers(self, registry: Registry) -> None:
        self.service_at = np.full(registry.assets, NEVER, np.int64)
        self.silences = [
            NoData(rule, registry.interval_ms)
            for rule in self.state.rules.rules
            if rule.kind == "no_data"
        ]
        self.overdue = [
            Overdue(rule, self._selected(rule))
            for rule in self.state.rules.rules
            if rule.kind == "overdue"
        ]
        groups = [
            Group(rule, registry.interval_ms, self._selected(rule))
            for rule in self.state.rules.rules
            if rule.kind == "group"
        ]
        # what one gateway explains is no zone's trouble: gateways come first
        self.groups = sorted(groups, key=lambda group: group.rule.settings.by)

    def _selected(self, rule: Rule) -> NDArray[np.bool_]:
        """Which assets a rule is about."""
        registry = self.state.registry
        found = [
            t is not None and selects(rule, t, registry.asset_ids[i])
            for i, t in enumerate(registry.traits)
        ]
        return np.array(found, np.bool_)

    def load(self, alerts: list[Alert], services: dict[int, int]) -> None:
        """Take what the database says: open alerts and last services."""
        self.board.load(alerts)
        watched = self.state.registry.watched_from
        known = (watched != SINCE_EVER) & (watched != FOR_EVER)
        self.service_at[known] = watched[known]
        for asset, at in services.items():
            if asset < len(self.service_at):
                self.service_at[asset] = max(self.service_at[asset], at)

    def gone(self, alert: Alert) -> str:
        """Why nothing stands for an alert as it is: its sensor, or its rule's level."""
        rule = self.rules[alert.rule]
        code = BY_NAME.get(str(alert.cause.get("measurement")))
        looks = rule.code == (code.no if code else 0)
        has = any(limit.severity == alert.severity for limit in rule.limits)
        return "unmounted" if looks and has else "rule_removed"

    def out(self) -> list[int]:
        """Places that an open alert says are out."""
        return self.notifications.out()

    def excused(self) -> NDArray[np.bool_] | None:
        """Devices whose place is out: not silent themselves. None: no place is."""
        out = self.out()
        if not out:
            return None
        found: NDArray[np.bool_] = np.isin(self.state.reception.gateway, out)
        return found | np.isin(self.state.zone, out)

    # -- what moves --

    def level(
        self,
        change_set: ChangeSet,
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
            self.notifications.asset_id(asset),
            at,
            cause,
            category=rule.category,
            zone=self.notifications.zone(asset),
        )
        if change is not None:
            self.notifications.tell(
                change_set, change, (rule.id, source) in self.state.rules.flapping
            )

    def end(self, change_set: ChangeSet, alert: Alert, at: int, reason: str) -> None:
        """Resolve an alert whose ground is gone: rule_removed, unmounted, retired."""
        cause = {"reason": reason, "deadline_at": at}
        change = self.board.resolve(
            alert, self.notifications.asset_id(alert.asset), at, cause
        )
        self.notifications.tell(change_set, change, False)

    def lower(self, change_set: ChangeSet, alert: Alert, at: int, reason: str) -> None:
        """The worst source of an alert is gone: what the others say counts now."""
        change = self.board.decide(
            (alert.rule, alert.asset),
            self.notifications.asset_id(alert.asset),
            at,
            {"reason": reason, "deadline_at": at},
            category=alert.category,
            zone=alert.zone,
        )
        if change is not None:
            self.notifications.tell(change_set, change, False)

    def system(
        self,
        change_set: ChangeSet,
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
        self.level(change_set, SYSTEM_RULES[rule], (HUB_ASSET, -1), level, at, cause)

    def fires(self, rule: str) -> bool:
        """Whether an alert about the hub itself is open."""
        return (rule, HUB_ASSET) in self.board.open

    def last_fault(self, rule: str) -> int | None:
        """When an open alert about the hub itself was last confirmed, ms."""
        alert = self.board.open.get((rule, HUB_ASSET))
        return None if alert is None else self.told_at.get(rule, alert.started_at)

    def serve(self, change_set: ChangeSet, service: Service, by: str, at: int) -> bool:
        """A service was done: clocks and counts start anew.

        False where a later one is known already: it is only written down.
        """
        change_set.services.append((service, by))
        asset = service.asset
        if service.at <= self.service_at[asset]:
            return False
        self.service_at[asset] = service.at
        cause = {"reason": service.kind, "by": by, "measured_at": service.at}
        for overdue in self.overdue:
            level = overdue.served(asset, service.at, at)
            if level is not None:
                self.level(change_set, overdue.rule, (asset, -1), level, at, cause)
        for moved in self.state.serviced(service):
            place = (asset, moved.series)
            self.level(change_set, moved.rule, place, moved.level, at, cause)
        return True

    def seen(self, change_set: ChangeSet, asset: int, at: int) -> None:
        """An asset's first uplink starts its clocks where nothing else did."""
        if self.service_at[asset] == NEVER:
            self.service_at[asset] = at
            change_set.services.append((Service(asset, "first_uplink", at), "hub"))

    def spoke(self, change_set: ChangeSet, rule: Rule, device: int, at: int) -> None:
        """A silent device spoke again."""
        asset = int(self.state.registry.asset_of[device])
        if asset < 0:
            return
        cause = {
            "reason": "uplink",
            "device": self.state.registry.device_ids[device],
            "deadline_at": at,
        }
        self.level(change_set, rule, (asset, -2 - device), Severity.NONE, at, cause)

    def sample(
        self, change_set: ChangeSet, moved: Iterable[Moved], at: int, measured_at: int
    ) -> None:
        """Levels that a reading moved."""
        state = self.state
        for item in moved:
            device = int(state.series.device[item.series])
            asset = int(state.registry.asset_of[device])
            if asset < 0:
                continue
            cause = {
                "device": state.registry.device_ids[device],
                "measurement": BY_NO[int(state.series.code[item.series])].name,
                "measured_at": measured_at,
                "value": item.value,
                **self.said(item),
            }
            self.level(
                change_set, item.rule, (asset, item.series), item.level, at, cause
            )

    def said(self, moved: Moved) -> dict[str, Any]:
        """Which clause of a standard decided, and at which temperature."""
        clauses = moved.rule.clauses
        said: dict[str, Any] = dict(clauses.said(moved.level))
        if moved.fill is not None:
            said["fill"] = round(moved.fill, 1)
        if said and clauses.gas:
            said["celsius"] = self.state.rules.celsius(moved.series)
        if said and moved.rule.over:
            said["mean_min"] = moved.rule.over / 60_000
        return said

    def is_open(self, topic: str) -> bool:
        """Whether the alert of a retained state's topic fires."""
        _, asset, rule = topic.rsplit("/", 2)
        if asset == HUB_ID:
            return self.fires(rule)
        places = self.state.places
        numbers = [self.state.registry.asset_no.get(asset)]
        numbers += [-places.known("gateway", asset), -places.known("zone", asset)]
        return any(number and (rule, number) in self.board.open for number in numbers)
