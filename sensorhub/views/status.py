"""How the hub stands: what `status` shows, all from the database."""

import json
import os
from pathlib import Path
from typing import Any

from sensorhub.alerts.event import rfc3339
from sensorhub.config.settings import Settings, start_ms
from sensorhub.store import (
    Connection,
    clock_settings,
    database,
    folder_lock,
    forwarding,
    rule_versions,
    segments,
)
from sensorhub.store.disk_space import free_mb
from sensorhub.store.hot import alerts, counters, journal, outbox

STATUS = (
    "uplinks_received",
    "uplinks_stored",
    "uplinks_duplicate",
    "uplinks_dead",
    "readings_stored",
    "readings_rejected",
    "events_received",
    "uplinks_replayed",
)


def status_view(
    connection: Connection, folder: Path, settings: Settings, now: int
) -> dict[str, Any]:
    """Counters and states of the hub; all from the database."""
    numbers = counters.load(connection)
    view: dict[str, Any] = {"running": folder_lock.is_running(folder)}
    view |= {name: numbers[name] for name in STATUS}
    view |= _waiting(connection)
    view |= _switched(connection)
    view["forward_lag_s"] = forwarding.lag_s(connection, now)
    view["readings_forwarded"] = numbers[forwarding.FORWARDED]
    view |= _heard(connection)
    view["now"] = rfc3339(now)
    used = clock_settings.clock_used(connection)
    if used is None:
        used = clock_settings.ClockUsed(start_ms(settings.clock), settings.clock.speed)
    view["clock"] = {"start": rfc3339(used.start), "speed": used.speed}
    view["disk"] = {
        "free_mb": round(free_mb(folder)),
        "reserve_mb": settings.disk.reserve_mb,
        "holding": alerts.is_open(connection, "disk_low"),
    }
    path = folder / database.FILE
    view["database_mb"] = round(os.path.getsize(path) / 1e6, 1)
    view["counters"] = dict(sorted(numbers.items()))
    return view


def _waiting(connection: Connection) -> dict[str, Any]:
    """What is open, and what waits to be told or made history."""
    cursor = segments.cursor(connection)
    return {
        "alerts_open": alerts.count_open(connection),
        "outbox_pending": outbox.count_pending(connection),
        "cursor_lag_uplinks": segments.waiting(connection, cursor)[1],
    }


def _switched(connection: Connection) -> dict[str, Any]:
    """Which rules hold, what of rules.toml was refused, codecs that are off,
    kinds of assets whose forecasts go by their last day."""
    refused = counters.get_meta(connection, "rules_refused")
    off = counters.get_meta(connection, "codecs_off")
    naive = counters.get_meta(connection, counters.NAIVE)
    return {
        "rules_version": rule_versions.latest(connection)[0],
        "rules_refused": json.loads(refused or "[]"),
        "codecs_off": json.loads(off or "{}"),
        "forecasts_naive": (naive or "").split(),
    }


def _heard(connection: Connection) -> dict[str, Any]:
    """When an uplink last came, and when the hub last lived and could hear."""
    view = {"last_uplink_at": rfc3339(journal.last_uplink_at(connection))}
    for name in ("alive_at", "heard_at"):
        at = counters.get_meta(connection, name)
        view[name] = rfc3339(int(at)) if at else None
    return view
