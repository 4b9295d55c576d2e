"""Time since the last service of each asset, and alerts about overdue services."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.deadlines import first_deadline
from sensorhub.alerting.recorder import AlertRecorder, SourceLevel
from sensorhub.alerting.selection import selected_assets
from sensorhub.alerts.open_alerts import BY_RULE, Alert
from sensorhub.alerts.rules import HOUR_MS, Rule
from sensorhub.alerts.timers import Overdue
from sensorhub.alerts.transitions import Cause
from sensorhub.columns import Service
from sensorhub.model import NEVER
from sensorhub.registry.registry import FOR_EVER, SINCE_EVER, Registry
from sensorhub.store.hot.changeset import ChangeSet


class ServiceClocks:
    """The time of the last service of each asset, and the rules of kind overdue."""

    def __init__(
        self, registry: Registry, rules: Sequence[Rule], recorder: AlertRecorder
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._service_at = np.full(registry.assets, NEVER, np.int64)
        self._rules = [
            Overdue(rule, selected_assets(registry, rule))
            for rule in rules
            if rule.kind == "overdue"
        ]

    def load(self, services: dict[int, int]) -> None:
        """Start the clocks at the last services (asset number to ms).

        The clock of an asset starts no earlier than its first mounting.
        """
        watched = self._registry.watched_from
        known = (watched != SINCE_EVER) & (watched != FOR_EVER)
        self._service_at[known] = watched[known]
        for asset, at in services.items():
            if asset < len(self._service_at):
                self._service_at[asset] = max(self._service_at[asset], at)

    def restore(self, alert: Alert) -> bool:
        """Take the level of an open alert; False: of none of these rules."""
        found = False
        for one in self._rules:
            if one.rule.id == alert.rule:
                one.level[alert.subject.no] = alert.severity
                found = True
        return found

    def start(
        self,
        change_set: ChangeSet,
        asset: NDArray[np.int32],
        received_at: NDArray[np.int64],
    ) -> None:
        """Start the clocks of assets that were never serviced at their first uplink."""
        fresh = (asset >= 0) & (self._service_at[asset] == NEVER)
        for i in np.flatnonzero(fresh).tolist():
            number, at = int(asset[i]), int(received_at[i])
            if self._service_at[number] == NEVER:
                self._service_at[number] = at
                service = Service(number, "first_uplink", at)
                change_set.services.append((service, "hub"))

    def record(
        self, change_set: ChangeSet, service: Service, at: int, cause: Cause
    ) -> bool:
        """Restart the clock of an asset; False where a later service is known."""
        asset = service.asset
        if service.at <= self._service_at[asset]:
            return False
        self._service_at[asset] = service.at
        subject = self._registry.subject(asset)
        for one in self._rules:
            level = one.lower_level(asset, service.at, at)
            if level is not None:
                shown = SourceLevel(one.rule, subject, BY_RULE, level)
                self._recorder.set_level(change_set, shown, at, cause)
        return True

    def evaluate(self, change_set: ChangeSet, now: int) -> None:
        """Raise the alerts of assets whose service is overdue at `now` (ms)."""
        registry, served = self._registry, self._service_at
        for one in self._rules:
            if not one.rule.in_schedule(now):
                continue
            for asset, severity, deadline in one.raise_levels(
                now, served, registry.mounted
            ):
                if registry.out_of_service(asset, now):
                    one.level[asset] = 0
                    continue
                cause = Cause(
                    reason="overdue",
                    deadline_at=self._recorder.deadline(deadline),
                    value=(now - int(served[asset])) / HOUR_MS,
                    **one.rule.clauses.cause_fields(severity),
                )
                subject = registry.subject(asset)
                shown = SourceLevel(one.rule, subject, BY_RULE, severity)
                self._recorder.set_level(change_set, shown, now, cause)

    # -- what comes next --

    def next_due(self, now: int) -> int:
        """Return when (ms) the next service will be overdue."""
        return min((self._next(one, now) for one in self._rules), default=FOR_EVER)

    def _next(self, one: Overdue, now: int) -> int:
        served = self._service_at
        known = one.selected & self._registry.mounted & (served != NEVER)
        found = []
        for limit in one.rule.limits:
            asset = np.flatnonzero(known & (one.level < limit.severity))
            at = served[asset] + int(limit.raise_ * HOUR_MS) + 1
            found.append(first_deadline(self._registry, one.rule, asset, at, now))
        return min(found)

    def shortest_limit(self) -> int:
        """Return the shortest time without a service that is overdue, ms."""
        limits = (int(x.rule.limits[0].raise_ * HOUR_MS) for x in self._rules)
        return min(limits, default=FOR_EVER)
