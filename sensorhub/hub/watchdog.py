"""Time passed: silence, overdue services, the hub's own outage, ends of mutes."""

from sensorhub.alerts.rules import HOUR_MS
from sensorhub.hub.hub import Hub
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet

OUTAGE_MS = 5 * 60_000
REMEMBER_MS = 10_000
FAST_MS, FAST_REAL_MS = 60_000, 1_000  # where simulated time is fast


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
        monitored_before = None
        if hearing:
            self.deaf_since = None
            monitored_before = hub.session.state.reception.monitored_ms
            hub.session.state.reception.monitored_ms += max(0, now - self._last)
        self._last = now
        hub.session.lifecycle.evaluate_timers(change_set, now, monitored_before)
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
        lifecycle = self._hub.session.lifecycle
        deaf = 0 if self.deaf_since is None else now - self.deaf_since
        if deaf >= OUTAGE_MS and not lifecycle.system.fires("hub_outage"):
            lifecycle.system.set(change_set, "hub_outage", True, now, deaf / HOUR_MS)
        elif hearing:
            lifecycle.system.set(change_set, "hub_outage", False, now)
        if self.deaf_since is None and not hearing:
            self.deaf_since = self._last
