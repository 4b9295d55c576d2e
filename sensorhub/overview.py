"""Views that command line and (later) pages share: rows as plain objects."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from sensorhub.alerts.event import rfc3339
from sensorhub.config import Settings
from sensorhub.model import BY_NAME, Reading, Severity
from sensorhub.store import alerts, counters, database, history, outbox, segments

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
    connection: sqlite3.Connection, folder: Path, settings: Settings, now: int
) -> dict[str, Any]:
    """Counters and states of the hub; all from the database."""
    numbers = counters.load(connection)
    alive = counters.get_meta(connection, "alive_at")
    running = database.is_running(folder)
    last = connection.execute(
        "SELECT max(received_at) FROM journal WHERE uplinks > 0"
    ).fetchone()[0]
    view: dict[str, Any] = {"running": running}
    view |= {name: numbers[name] for name in STATUS}
    view["alerts_open"] = connection.execute(
        "SELECT count(*) FROM alerts WHERE state = 'firing'"
    ).fetchone()[0]
    view["outbox_pending"] = outbox.count_pending(connection)
    view["cursor_lag_uplinks"] = segments.waiting(
        connection, segments.cursor(connection)
    )[1]
    view["last_uplink_at"] = rfc3339(last)
    view["alive_at"] = rfc3339(int(alive)) if alive else None
    view["now"] = rfc3339(now)
    view["clock"] = {
        "start": str(settings.clock.start) if settings.clock.start else None,
        "speed": settings.clock.speed,
    }
    path = folder / database.FILE
    view["database_mb"] = round(os.path.getsize(path) / 1e6, 1)
    view["counters"] = dict(sorted(numbers.items()))
    return view


def alerts_view(connection: sqlite3.Connection, *, all_: bool) -> list[dict[str, Any]]:
    """Alerts with their transitions, oldest first."""
    found = alerts.listing(connection, all_=all_)
    rows = alerts.transitions_of(
        connection, None if all_ else [alert.id for alert in found]
    )
    names = dict(connection.execute("SELECT no, id FROM assets"))
    return [
        {
            "id": alert.id,
            "rule": alert.rule,
            "category": str(alert.category),
            "asset": names.get(alert.asset, "hub"),
            "zone": alert.zone,
            "severity": alert.severity.word,
            "state": alert.state,
            "started_at": rfc3339(alert.started_at),
            "resolved_at": rfc3339(alert.resolved_at),
            "acknowledged_by": alert.acknowledged_by,
            "assigned_to": alert.assigned_to,
            "notes": [{**note, "at": rfc3339(note["at"])} for note in alert.notes],
            "transitions": [
                {
                    "id": row.id,
                    "at": rfc3339(row.at),
                    "from": row.from_,
                    "to": row.to,
                    "severity": Severity(row.severity).word,
                    "cause": {
                        key: rfc3339(value) if key.endswith("_at") else value
                        for key, value in row.cause.items()
                    },
                }
                for row in rows.get(alert.id, [])
            ],
        }
        for alert in found
    ]


def readings_view(
    connection: sqlite3.Connection,
    asset: str,
    measurement: str | None,
    span: tuple[int, int],
) -> list[Reading] | None:
    """An asset's readings with since <= measured_at < until; None: no such asset."""
    row = connection.execute("SELECT no FROM assets WHERE id = ?", (asset,)).fetchone()
    if row is None:
        return None
    ids = dict(connection.execute("SELECT no, id FROM devices"))
    parts = history.read_asset(
        connection,
        asset=int(row[0]),
        since=span[0],
        until=span[1],
        codes=[BY_NAME[measurement].no] if measurement else None,
    )
    return [reading for part in parts for reading in part.rows(ids)]


def reading_view(reading: Reading) -> dict[str, Any]:
    """A reading as `readings --json` shows it."""
    return {
        "measured_at": rfc3339(reading.measured_at),
        "received_at": rfc3339(reading.received_at),
        "device": reading.device,
        "measurement": reading.measurement,
        "value": reading.value,
        "unit": BY_NAME[reading.measurement].unit,
        "quality": reading.quality.name.lower(),
        "reason": reading.reason.word if reading.reason else None,
    }


def devices_view(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Assets with what is mounted on them, and the devices' availability."""
    rows = connection.execute(
        "SELECT a.zone, a.site, a.id, a.kind, d.id, d.profile, v.state, v.firmware"
        " FROM assets a LEFT JOIN mountings m ON m.asset = a.no AND m.until_at IS NULL"
        " LEFT JOIN devices d ON d.no = m.device"
        " LEFT JOIN availability v ON v.device = d.no"
        " WHERE a.retired IS NULL ORDER BY a.zone, a.site, a.id"
    )
    names = ("zone", "site", "asset", "kind", "device", "profile", "availability")
    return [dict(zip((*names, "firmware"), row, strict=True)) for row in rows]
