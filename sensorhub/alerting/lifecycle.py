"""The alerts of a hub: from readings, services and time to alerts and transitions.

`AlertLifecycle` is the one object that the hub asks; its parts raise and resolve:
`NoDataAlerts`, `ServiceClocks` (overdue), `GroupOutages` and `SystemAlerts`. All enter
what they decide by the `AlertRecorder`; `NotificationPolicy` selects who is notified.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.group_outages import GroupOutages
from sensorhub.alerting.no_data import NoDataAlerts
from sensorhub.alerting.notifications import NotificationPolicy, Wants
from sensorhub.alerting.reconcile import Basis, quarantine, reconcile_alerts
from sensorhub.alerting.recorder import AlertRecorder, SourceLevel
from sensorhub.alerting.recovery import SourceRecovery
from sensorhub.alerting.service_clocks import ServiceClocks
from sensorhub.alerting.system_alerts import SystemAlerts
from sensorhub.alerts.open_alerts import Alert, AlertSource, OpenAlerts
from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.alerts.transitions import Cause
from sensorhub.columns import Service
from sensorhub.model import BY_NO
from sensorhub.registry.subjects import HUB, NOWHERE, Subject
from sensorhub.rules.schema import Inhibit
from sensorhub.state.rule_evaluation import LevelChange
from sensorhub.state.state import State
from sensorhub.store import Connection, subscriptions
from sensorhub.store.hot import alerts, counters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.journal import JournalRow

RECONCILED_KEY = "ground_at"  # key in `meta`
LATEST_MS = 7 * 86_400_000  # resolved longer ago: nobody is notified any more


class AlertLifecycle:
    """The open alerts of a hub, and all that opens, changes and resolves them."""

    def __init__(
        self, state: State, inhibits: tuple[Inhibit, ...], wants: Wants
    ) -> None:
        self._state = state
        self._alerts = OpenAlerts()
        self._rules = {rule.id: rule for rule in state.rules.rules} | SYSTEM_RULES
        self._notifications = NotificationPolicy(
            state, self._alerts, self._rules, inhibits, wants
        )
        recorder = AlertRecorder(state, self._alerts, self._notifications)
        self._recorder = recorder
        self._no_data = NoDataAlerts(state, recorder)
        self._services = ServiceClocks(state.registry, state.rules.rules, recorder)
        self._groups = GroupOutages(state, recorder)
        self.system = SystemAlerts(recorder, state.registry.devices)

    # -- startup and changes of the configuration --

    def restore(self, connection: Connection, now: int) -> None:
        """Restore open alerts, service clocks and held notifications."""
        reconciled_at = counters.get_meta(connection, RECONCILED_KEY)
        self._recorder.reconciled_at = int(reconciled_at or 0)
        self._alerts.load(alerts.load_open(connection))
        self._services.load(alerts.last_services(connection))
        recovery = SourceRecovery(self._state, self._alerts, self._rules)
        recovery.restore(self._no_data, self._services)
        self.reload_silences(connection, now)
        self.reload_subscriptions(connection)
        self._withhold_again(connection, now)

    def _withhold_again(self, connection: Connection, now: int) -> None:
        """Hold the notifications again that were held before the restart."""
        waiting = alerts.load_untold(connection, now - LATEST_MS)
        waiting += [a for a in self._alerts.by_key.values() if a.notified != a.status]
        for alert in waiting:
            rows = alerts.transitions_of(connection, [alert.id])
            if rows.get(alert.id):
                self._notifications.withhold(alert, rows[alert.id][-1].transition())

    def reload_silences(self, connection: Connection, now: int) -> None:
        """Take the silences that have not ended at `now` (ms)."""
        self._notifications.silences = alerts.silences(connection, now)

    def reload_subscriptions(self, connection: Connection) -> None:
        """Take the subscriptions."""
        self._notifications.subscriptions = subscriptions.load(connection)

    def reconcile(
        self, change_set: ChangeSet, damaged_rows: Sequence[JournalRow], now: int
    ) -> None:
        """Reconcile open alerts with the current rules and mountings.

        Journal rows that are damaged are quarantined and raise a system alert.
        """
        basis = Basis(self._state, self._rules, self._groups.rule_ids())
        reconcile_alerts(change_set, self._recorder, basis, now)
        quarantine(change_set, damaged_rows, now)
        if damaged_rows:
            count = len(damaged_rows)
            self.system.set(change_set, "journal_damaged", True, now, count)
        if change_set.transitions:
            self._recorder.reconciled_at = now
            change_set.writes.append(
                partial(counters.set_meta, key=RECONCILED_KEY, value=str(now))
            )

    # -- uplinks and services --

    def evaluate_sample(
        self,
        change_set: ChangeSet,
        moved: Iterable[LevelChange],
        at: int,
        measured_at: int,
    ) -> None:
        """Enter the levels that a reading moved; `at`: received, ms."""
        state, registry = self._state, self._state.registry
        for item in moved:
            device = int(state.series.device[item.series])
            asset = int(registry.asset_of[device])
            if asset < 0:
                continue
            source = AlertSource.series(item.series)
            shown = SourceLevel(item.rule, registry.subject(asset), source, item.level)
            cause = self._cause(item, device, measured_at)
            self._recorder.set_level(change_set, shown, at, cause)

    def _cause(self, moved: LevelChange, device: int, measured_at: int) -> Cause:
        """A reading as cause: which clause of a standard decided, at how many °C."""
        state, rule = self._state, moved.rule
        clause, fill = rule.clauses.cause_fields(moved.level), moved.fill
        detailed = bool(clause) or fill is not None
        gas = detailed and rule.clauses.gas
        return Cause(
            device=state.registry.device_ids[device],
            measurement=BY_NO[int(state.series.code[moved.series])].name,
            measured_at=measured_at,
            value=moved.value,
            fill=None if fill is None else round(fill, 1),
            celsius=state.rules.celsius(moved.series) if gas else None,
            mean_min=rule.over / 60_000 if detailed and rule.over else None,
            **clause,
        )

    def record_uplinks(
        self,
        change_set: ChangeSet,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
    ) -> None:
        """Start service clocks, and resolve no-data alerts, by uplinks just heard."""
        assets = self._state.registry.asset_of[device]
        self._services.start(change_set, assets, received_at)
        self._no_data.record_uplinks(change_set, device, received_at)

    def record_service(
        self, change_set: ChangeSet, service: Service, by: str, at: int
    ) -> bool:
        """Record a service and restart the clock and the counts of its asset.

        Return False where a later service is known: it is only written down.
        """
        change_set.services.append((service, by))
        cause = Cause(reason=service.kind, by=by, measured_at=service.at)
        if not self._services.record(change_set, service, at, cause):
            return False
        subject = self._state.registry.subject(service.asset)
        for moved in self._state.serviced(service):
            source = AlertSource.series(moved.series)
            shown = SourceLevel(moved.rule, subject, source, moved.level)
            self._recorder.set_level(change_set, shown, at, cause)
        return True

    # -- time --

    def evaluate_timers(
        self, change_set: ChangeSet, now: int, monitored_before: int | None
    ) -> None:
        """Raise and resolve what time decides at `now` (ms); release notifications.

        `monitored_before`: the monitored time (ms) at the evaluation before; None while
        the hub is not connected: then no device is over its limit.
        """
        if monitored_before is not None:
            self._groups.evaluate(change_set, now, monitored_before)
            self._no_data.evaluate(change_set, now)
        self._services.evaluate(change_set, now)
        self.system.evaluate(change_set, now)
        self._notifications.release(change_set, now)

    def next_due(self, now: int, hearing: bool) -> int:
        """Return when (ms) `evaluate_timers` will change something, without uplinks."""
        found = [self._services.next_due(now), self.system.next_due(now)]
        if hearing:
            found += [self._no_data.next_due(now), self._groups.next_due(now)]
        return min(found)

    def shortest_limit(self) -> int:
        """Return how long (ms) after an uplink a timer can fire at the earliest."""
        parts = (self._no_data, self._services, self._groups)
        return min(part.shortest_limit() for part in parts)

    # -- queries --

    def open_alerts(self) -> list[Alert]:
        """All open alerts."""
        return self._recorder.open_alerts()

    def rule_kinds(self) -> dict[str, str]:
        """The kind of each rule by its id, system rules included."""
        return {id_: rule.kind for id_, rule in self._rules.items()}

    def silence_ids(self) -> set[int]:
        """The ids of the silences that have not ended."""
        return {silence.id for silence in self._notifications.silences}

    def any_outage(self) -> bool:
        """Whether a gateway or a zone is out as a whole."""
        return bool(self._recorder.outages())

    def devices_out(self) -> NDArray[np.bool_] | None:
        """By device whether its gateway or zone is out; None: none is."""
        return self._recorder.devices_out()

    def fires_topic(self, topic: str) -> bool:
        """Whether the alert of a retained state's topic fires."""
        _, id_, rule = topic.rsplit("/", 2)
        return any((rule, one) in self._alerts.by_key for one in self._subjects(id_))

    def _subjects(self, id_: str) -> Iterator[Subject]:
        """All subjects with an id."""
        registry, groups = self._state.registry, self._state.subjects
        if id_ == HUB.id:
            yield HUB
        if (asset := registry.asset_no.get(id_)) is not None:
            yield registry.subject(asset)
        numbers = (groups.known("gateway", id_), groups.known("zone", id_))
        yield from (groups[number] for number in numbers if number != NOWHERE)
