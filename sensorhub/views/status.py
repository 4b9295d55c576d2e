"""How the hub stands: what `status` shows, all from the database."""

import json
import os
from pathlib import Path
from typing import TypedDict

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


class ClockView(TypedDict):
    """The clock of the hub; `start` of simulated time."""

    start: str | None
    speed: float


class DiskView(TypedDict):
    """The disk of the data folder; `holding`: uplinks wait for free space."""

    free_mb: int
    reserve_mb: float
    holding: bool


class StatusView(TypedDict):
    """What `status --json` prints."""

    running: bool
    uplinks_received: int
    uplinks_stored: int
    uplinks_duplicate: int
    uplinks_dead: int
    readings_stored: int
    readings_rejected: int
    events_received: int
    uplinks_replayed: int
    alerts_open: int
    outbox_pending: int
    cursor_lag_uplinks: int
    rules_version: int
    rules_refused: list[str]
    codecs_off: dict[str, str]
    forecasts_naive: list[str]
    forward_lag_s: float | None
    readings_forwarded: int
    last_uplink_at: str | None
    alive_at: str | None
    heard_at: str | None
    now: str | None
    clock: ClockView
    disk: DiskView
    database_mb: float
    counters: dict[str, int]


def status_view(
    connection: Connection, folder: Path, settings: Settings, now: int
) -> StatusView:
    """Counters and states of the hub; all from the database."""
    numbers = counters.load(connection)
    used = clock_settings.clock_used(connection)
    if used is None:
        used = clock_settings.ClockUsed(start_ms(settings.clock), settings.clock.speed)
    refused = counters.get_meta(connection, "rules_refused")
    off = counters.get_meta(connection, "codecs_off")
    naive = counters.get_meta(connection, counters.NAIVE)
    cursor = segments.cursor(connection)
    return {
        "running": folder_lock.is_running(folder),
        "uplinks_received": numbers["uplinks_received"],
        "uplinks_stored": numbers["uplinks_stored"],
        "uplinks_duplicate": numbers["uplinks_duplicate"],
        "uplinks_dead": numbers["uplinks_dead"],
        "readings_stored": numbers["readings_stored"],
        "readings_rejected": numbers["readings_rejected"],
        "events_received": numbers["events_received"],
        "uplinks_replayed": numbers["uplinks_replayed"],
        "alerts_open": alerts.count_open(connection),
        "outbox_pending": outbox.count_pending(connection),
        "cursor_lag_uplinks": segments.waiting(connection, cursor)[1],
        "rules_version": rule_versions.latest(connection)[0],
        "rules_refused": json.loads(refused or "[]"),
        "codecs_off": json.loads(off or "{}"),
        "forecasts_naive": (naive or "").split(),
        "forward_lag_s": forwarding.lag_s(connection, now),
        "readings_forwarded": numbers[forwarding.FORWARDED],
        "last_uplink_at": rfc3339(journal.last_uplink_at(connection)),
        "alive_at": _remembered_time(connection, "alive_at"),
        "heard_at": _remembered_time(connection, "heard_at"),
        "now": rfc3339(now),
        "clock": {"start": rfc3339(used.start), "speed": used.speed},
        "disk": {
            "free_mb": round(free_mb(folder)),
            "reserve_mb": settings.disk.reserve_mb,
            "holding": alerts.is_open(connection, "disk_low"),
        },
        "database_mb": round(os.path.getsize(folder / database.FILE) / 1e6, 1),
        "counters": dict(sorted(numbers.items())),
    }


def _remembered_time(connection: Connection, key: str) -> str | None:
    at = counters.get_meta(connection, key)
    return rfc3339(int(at)) if at else None
