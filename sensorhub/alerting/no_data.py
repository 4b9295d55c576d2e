"""Alerts about devices that send no data; the limits count monitored time."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.alerting.deadlines import first_deadline, shortest_limit
from sensorhub.alerting.recorder import AlertRecorder, SourceLevel
from sensorhub.alerts.open_alerts import Alert, AlertSource
from sensorhub.alerts.rules import HOUR_MS
from sensorhub.alerts.timers import NoData
from sensorhub.alerts.transitions import Cause
from sensorhub.model import NEVER, Severity
from sensorhub.registry.registry import FOR_EVER
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet


class NoDataAlerts:
    """The rules of kind no_data: raise by time, resolve by an uplink."""

    def __init__(self, state: State, recorder: AlertRecorder) -> None:
        self._state = state
        self._recorder = recorder
        self._rules = [
            NoData(rule, state.registry.interval_ms)
            for rule in state.rules.rules
            if rule.kind == "no_data"
        ]

    def evaluate(self, change_set: ChangeSet, now: int) -> None:
        """Raise an alert for each device that is over its limit at `now` (ms).

        Not for devices of a gateway or a zone that is out as a whole.
        """
        state, registry = self._state, self._state.registry
        out = self._recorder.devices_out()
        for one in self._rules:
            rule, limit = one.rule, one.limit
            if not rule.in_schedule(now):
                continue
            for device in one.flag_over_limit(
                state.reception.monitored_ms, state.reception.monitored_at, out
            ).tolist():
                asset = int(registry.asset_of[device])
                if asset < 0 or not state.rules.selector.selects(
                    rule.id, registry.traits[asset], registry.asset_ids[asset]
                ):
                    continue
                if registry.out_of_service(asset, now):
                    one.flagged[device] = False
                    continue
                subject, source = registry.subject(asset), AlertSource.device(device)
                shown = SourceLevel(rule, subject, source, rule.limits[0].severity)
                cause = self._cause(device, int(limit[device]), now)
                self._recorder.set_level(change_set, shown, now, cause)

    def _cause(self, device: int, limit: int, now: int) -> Cause:
        state = self._state
        last = int(state.reception.last_received[device])
        heard = last != NEVER
        deadline = last + limit if heard else now
        quiet = int(state.reception.monitored_ms - state.reception.monitored_at[device])
        return Cause(
            reason="no_data",
            device=state.registry.device_ids[device],
            last_uplink_at=last if heard else None,
            deadline_at=self._recorder.deadline(deadline),
            value=quiet / HOUR_MS,
        )

    def record_uplinks(
        self,
        change_set: ChangeSet,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
    ) -> None:
        """Resolve what is open about devices that sent an uplink, in their order."""
        registry = self._state.registry
        for one in self._rules:
            for number in one.unflag_heard(device):
                asset = int(registry.asset_of[number])
                if asset < 0:
                    continue
                first = int(received_at[np.argmax(device == number)])
                cause = Cause(
                    reason="uplink",
                    device=registry.device_ids[number],
                    deadline_at=first,
                )
                shown = SourceLevel(
                    one.rule,
                    registry.subject(asset),
                    AlertSource.device(number),
                    Severity.NONE,
                )
                self._recorder.set_level(change_set, shown, first, cause)

    def restore(self, alert: Alert, cause_device: int | None) -> list[int]:
        """Flag again the devices that an open alert is about, and return them.

        `cause_device`: the device in its cause, if no device is over its limit.
        """
        state, found = self._state, []
        here = state.registry.asset_of == alert.subject.no
        for one in self._rules:
            if one.rule.id != alert.rule:
                continue
            over = (
                state.reception.monitored_ms - state.reception.monitored_at > one.limit
            )
            devices = np.flatnonzero(here & over & ~self._exempt(one)).tolist()
            if not devices and cause_device is not None:
                devices = [cause_device]
            one.flagged[devices] = True
            found += devices
        return found

    def _exempt(self, one: NoData) -> NDArray[np.bool_]:
        """Devices that were within their limit when their gateway or zone went out."""
        state = self._state
        found = np.zeros(len(state.reception.monitored_at), np.bool_)
        for alert in self._recorder.outages():
            number = alert.subject.no
            here = (state.reception.gateway == number) | (state.zone == number)
            was_over = (
                alert.cause.covered or 0
            ) - state.reception.monitored_at > one.limit
            found |= here & ~was_over
        return found

    # -- what comes next --

    def next_due(self, now: int) -> int:
        """Return when (ms) the next device will be over its limit, without uplinks."""
        return min((self._next(one, now) for one in self._rules), default=FOR_EVER)

    def _next(self, one: NoData, now: int) -> int:
        state, registry = self._state, self._state.registry
        waits = (
            (state.reception.monitored_at != NEVER)
            & ~one.flagged
            & (registry.asset_of >= 0)
        )
        out = self._recorder.devices_out()
        if out is not None:
            waits &= ~out
        left = state.reception.monitored_at + one.limit - state.reception.monitored_ms
        at = now + left[waits] + 1
        return first_deadline(registry, one.rule, registry.asset_of[waits], at, now)

    def shortest_limit(self) -> int:
        """Return the shortest limit of a mounted device, ms."""
        mounted = self._state.registry.asset_of >= 0
        return shortest_limit([one.limit[mounted] for one in self._rules])
