"""Time passed: silence, overdue services, the hub's own outage, ends of mutes."""

from typing import Any

from sensorhub.alerts.rules import HOUR_MS
from sensorhub.alerts.timers import NEVER
from sensorhub.hub import Hub
from sensorhub.ledger import Ledger
from sensorhub.store import counters

OUTAGE_MS = 5 * 60_000
REMEMBER_MS = 10_000
AHEAD_WINDOW_MS = 300_000


class Watchdog:
    """Looks at the clock; `tick` is called several times a second.

    Covered time grows only while the hub is connected and has drained its
    backlog: what could not be heard makes no device silent.
    """

    def __init__(self, hub: Hub, now: int) -> None:
        self._hub = hub
        self._last = now
        self._deaf_since: int | None = self._last_alive(now)
        self._remembered = 0

    def _last_alive(self, now: int) -> int:
        alive = counters.get_meta(self._hub.connection, "alive_at")
        return min(int(alive), now) if alive else now

    def tick(self, now: int, hearing: bool, real_ms: int) -> Ledger:
        """Decide what time decided since the last tick.

        `hearing`: connected and the backlog drained; `real_ms`: monotonic time.
        """
        hub = self._hub
        ledger = Ledger()
        if hub.registry.settle(now):
            hub.state.refresh()
        self._outage(ledger, now, hearing)
        if hearing:
            hub.state.covered += max(0, now - self._last)
            self._silent(ledger, now)
        self._last = now
        self._overdue(ledger, now)
        hub.desk.release(ledger, now)
        if real_ms - self._remembered >= REMEMBER_MS:
            self._remembered = real_ms
            self._remember(ledger, now)
        return ledger

    def _remember(self, ledger: Ledger, now: int) -> None:
        covered = str(self._hub.state.covered)
        ledger.jobs.append(lambda c: counters.set_meta(c, "covered", covered))
        ledger.jobs.append(lambda c: counters.set_meta(c, "alive_at", str(now)))

    def _outage(self, ledger: Ledger, now: int, hearing: bool) -> None:
        """The hub's own outage is one system alert, and no device's silence."""
        desk = self._hub.desk
        if hearing:
            self._deaf_since = None
            desk.system(ledger, "hub_outage", False, now)
            return
        if self._deaf_since is None:
            self._deaf_since = now
        deaf = now - self._deaf_since
        if deaf >= OUTAGE_MS:
            desk.system(ledger, "hub_outage", True, now, deaf / HOUR_MS)

    def _silent(self, ledger: Ledger, now: int) -> None:
        state, desk = self._hub.state, self._hub.desk
        registry = state.registry
        for silence in desk.silences:
            rule = silence.rule
            for device in silence.over(state.covered, state.covered_at).tolist():
                asset = int(registry.asset_of[device])
                if asset < 0 or not state.selects(
                    rule.id, registry.traits[asset], registry.asset_ids[asset]
                ):
                    continue
                if registry.out_of_service(asset, now):
                    silence.flagged[device] = False
                    continue
                last = int(state.last_received[device])
                heard = last != NEVER
                quiet = int(state.covered - state.covered_at[device])
                cause: dict[str, Any] = {
                    "reason": "no_data",
                    "device": registry.device_ids[device],
                    "last_uplink_at": last if heard else None,
                    "deadline_at": last + int(silence.limit[device]) if heard else now,
                    "value": quiet / HOUR_MS,
                }
                place = (asset, -2 - device)
                desk.level(ledger, rule, place, rule.limits[0].severity, now, cause)

    def _overdue(self, ledger: Ledger, now: int) -> None:
        desk, registry = self._hub.desk, self._hub.registry
        for overdue in desk.overdue:
            for asset, severity, deadline in overdue.moved(now, desk.service_at):
                if registry.retired[asset] or registry.out_of_service(asset, now):
                    overdue.level[asset] = 0
                    continue
                cause = {
                    "reason": "overdue",
                    "deadline_at": deadline,
                    "value": (now - int(desk.service_at[asset])) / HOUR_MS,
                }
                desk.level(ledger, overdue.rule, (asset, -1), severity, now, cause)
