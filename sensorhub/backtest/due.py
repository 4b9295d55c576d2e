"""The next time at which passing time alone decides something.

A live hub runs its watchdog several times a second. Virtual time advances directly
to the times at which a run of the watchdog can decide something.
"""

from sensorhub.hub.hub import Hub
from sensorhub.hub.watchdog import OUTAGE_MS, Watchdog


def due(hub: Hub, watchdog: Watchdog, now: int, hearing: bool) -> int:
    """Return the first time (ms) after the tick at `now` that decides something.

    If nothing is heard until then; `hearing` as for the tick.
    """
    registry, lifecycle = hub.session.registry, hub.session.lifecycle
    found = [registry.next_change, lifecycle.next_due(now, hearing)]
    if not hearing and watchdog.deaf_since is not None:
        outage_at = watchdog.deaf_since + OUTAGE_MS
        found += [] if lifecycle.system.fires("hub_outage") else [outage_at]
    return max(min(found), now + 1)
