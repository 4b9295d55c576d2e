"""When time alone decides something next: what the watchdog would see first.

A live hub looks at the clock several times a second. In virtual time it is
turned straight to the moments at which a look can decide something.
"""

from sensorhub.hub.hub import Hub
from sensorhub.hub.watchdog import OUTAGE_MS, Watchdog


def due(hub: Hub, watchdog: Watchdog, now: int, hearing: bool) -> int:
    """Return the first time (ms) after the tick at `now` that decides something.

    If nothing is heard until then; `hearing` as for the tick.
    """
    found = [hub.registry.next_change, hub.lifecycle.next_due(now, hearing)]
    if not hearing and watchdog.deaf_since is not None:
        outage_at = watchdog.deaf_since + OUTAGE_MS
        found += [] if hub.lifecycle.system.fires("hub_outage") else [outage_at]
    return max(min(found), now + 1)
