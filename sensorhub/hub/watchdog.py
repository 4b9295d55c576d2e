"""Time passed: silence, overdue services, the hub's own outage, ends of mutes."""

from typing import Any

from sensorhub.alerting import group_outages
from sensorhub.alerts.rules import HOUR_MS
from sensorhub.hub.hub import Hub
from sensorhub.model import NEVER
from sensorhub.store import counters
from sensorhub.store.changeset import ChangeSet

OUTAGE_MS = 5 * 60_000
REMEMBER_MS = 10_000
FAST_MS, FAST_REAL_MS = 60_000, 1_000  # where simulated time is fast
OWN_FAULTS = ("internal_error", "journal_damaged")
FAULT_MS = 24 * HOUR_MS  # a fault of the hub's own that did not come again is over


class Watchdog:
    """Looks at the clock; `tick` is called several times a second.

    Covered time grows only while the hub is connected and has drained its
    backlog: what could not be heard makes no device silent.
    """

    def __init__(self, hub: Hub, now: int) -> None:
        self._hub = hub
        self._last = now
        heard = counters.get_meta(hub.connection, "heard_at")
        self.deaf_since = None if heard is None else min(int(heard), now)
        self._remembered = self._remembered_real = 0

    def tick(self, now: int, hearing: bool, real_ms: int) -> ChangeSet:
        """Decide what time decided since the last tick.

        `hearing`: connected and the backlog drained; `real_ms`: monotonic time.
        """
        hub = self._hub
        hub.remount(now)
        change_set = ChangeSet()
        self._outage(change_set, now, hearing)
        if hearing:
            self.deaf_since = None
            covered = hub.state.reception.monitored_ms
            hub.state.reception.monitored_ms += max(0, now - self._last)
            group_outages.look(hub.lifecycle, change_set, now, covered)
            self._silent(change_set, now)
        self._last = now
        self._overdue(change_set, now)
        self._own_faults(change_set, now)
        hub.lifecycle.notifications.release(change_set, now)
        if not change_set.empty() or self._forgetful(now, real_ms):
            self._remembered, self._remembered_real = now, real_ms
            deaf = self.deaf_since
            hub.remember(
                change_set, alive_at=now, heard_at=now if deaf is None else deaf
            )
        return change_set

    def _forgetful(self, now: int, real_ms: int) -> bool:
        """Whether a kill would forget too much time, of either clock."""
        away = real_ms - self._remembered_real
        fast = now - self._remembered >= FAST_MS and away >= FAST_REAL_MS
        return fast or away >= REMEMBER_MS

    def _outage(self, change_set: ChangeSet, now: int, hearing: bool) -> None:
        """The hub's own outage is one system alert, and no device's silence."""
        lifecycle = self._hub.lifecycle
        deaf = 0 if self.deaf_since is None else now - self.deaf_since
        if deaf >= OUTAGE_MS and not lifecycle.fires("hub_outage"):
            lifecycle.system(change_set, "hub_outage", True, now, deaf / HOUR_MS)
        elif hearing:
            lifecycle.system(change_set, "hub_outage", False, now)
        if self.deaf_since is None and not hearing:
            self.deaf_since = self._last

    def _silent(self, change_set: ChangeSet, now: int) -> None:
        state, lifecycle = self._hub.state, self._hub.lifecycle
        registry = state.registry
        excused = lifecycle.excused()
        for silence in lifecycle.silences:
            rule, limit = silence.rule, silence.limit
            if not rule.in_schedule(now):
                continue
            for device in silence.over(
                state.reception.monitored_ms, state.reception.monitored_at, excused
            ).tolist():
                asset = int(registry.asset_of[device])
                if asset < 0 or not state.rules.selector.selects(
                    rule.id, registry.traits[asset], registry.asset_ids[asset]
                ):
                    continue
                if registry.out_of_service(asset, now):
                    silence.flagged[device] = False
                    continue
                last = int(state.reception.last_received[device])
                heard = last != NEVER
                deadline = last + int(limit[device]) if heard else now
                quiet = int(
                    state.reception.monitored_ms - state.reception.monitored_at[device]
                )
                cause: dict[str, Any] = {
                    "reason": "no_data",
                    "device": registry.device_ids[device],
                    "last_uplink_at": last if heard else None,
                    "deadline_at": max(deadline, lifecycle.ground_at),
                    "value": quiet / HOUR_MS,
                }
                workspace = (asset, -2 - device)
                lifecycle.level(
                    change_set, rule, workspace, rule.limits[0].severity, now, cause
                )

    def _overdue(self, change_set: ChangeSet, now: int) -> None:
        lifecycle, registry = self._hub.lifecycle, self._hub.registry
        for overdue in lifecycle.overdue:
            if not overdue.rule.in_schedule(now):
                continue
            clocks = lifecycle.service_at, registry.mounted
            for asset, severity, deadline in overdue.moved(now, *clocks):
                if registry.out_of_service(asset, now):
                    overdue.level[asset] = 0
                    continue
                cause = {
                    "reason": "overdue",
                    "deadline_at": max(deadline, lifecycle.ground_at),
                    "value": (now - int(lifecycle.service_at[asset])) / HOUR_MS,
                    **overdue.rule.clauses.said(severity),
                }
                lifecycle.level(
                    change_set, overdue.rule, (asset, -1), severity, now, cause
                )

    def _own_faults(self, change_set: ChangeSet, now: int) -> None:
        """The hub's clock, and faults that end when they do not come again."""
        lifecycle = self._hub.lifecycle
        ahead = lifecycle.ahead.suspects(now)
        if ahead is not None:
            lifecycle.system(change_set, "hub_clock", ahead > 0, now, ahead)
        for rule in OWN_FAULTS:
            last = lifecycle.last_fault(rule)
            if last is not None and now - last >= FAULT_MS:
                lifecycle.system(change_set, rule, False, now)
