"""Devices with what they are mounted on, and whether they are heard."""

from collections.abc import Mapping
from typing import Literal, TypedDict

import numpy as np

from sensorhub.alerts.event import rfc3339
from sensorhub.alerts.rules import LEAST_GAP_MS
from sensorhub.model import NEVER
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import Registry
from sensorhub.state import checkpoint
from sensorhub.state.recovery import MONITORED
from sensorhub.store import Connection, register, register_lookup
from sensorhub.store.hot import checkpoints, counters, journal


class AvailabilityView(TypedDict):
    """Whether a device is heard of, and when it was last."""

    availability: Literal["online", "offline", "unknown"] | None
    last_uplink_at: str | None


NO_DEVICE_STATE: AvailabilityView = {"availability": None, "last_uplink_at": None}


class DeviceView(AvailabilityView):
    """An asset with a device on it, or none, as `fleet list --json` prints it."""

    zone: str
    site: str
    asset: str
    name: str
    kind: str
    device: str | None
    profile: str | None
    firmware: str | None
    out_of_service: bool
    out_reason: str | None


def devices_view(
    connection: Connection, profiles: Mapping[str, Profile], now: int
) -> list[DeviceView]:
    """Assets with what is mounted on them now, and the devices' availability."""
    states = availability(connection, profiles, now)
    return [
        {
            "zone": row.zone,
            "site": row.site,
            "asset": row.asset,
            "name": row.name,
            "kind": row.kind,
            "device": row.device,
            "profile": row.profile,
            "firmware": row.firmware,
            "out_of_service": row.out_of_service,
            "out_reason": row.out_reason if row.out_of_service else None,
            **(
                states.get(row.device_number, NO_DEVICE_STATE)
                if row.device_number is not None
                else NO_DEVICE_STATE
            ),
        }
        for row in register_lookup.assets_in_use(connection, now)
    ]


def availability(
    connection: Connection, profiles: Mapping[str, Profile], now: int
) -> dict[int, AvailabilityView]:
    """By device number: online, offline or unknown, and when it was last heard.

    Offline: a last will that no uplink followed, or silent for three expected
    intervals (2 h at least) in which the hub could hear. Unknown: never heard, or
    the hub was away as long.
    """
    registry = Registry(*register.registry_rows(connection), profiles)
    blocks = [row for row in checkpoints.load(connection) if row.sound]
    cursor = min((row.cursor for row in blocks), default=0)
    bodies = [(row.block, row.body) for row in blocks]
    rows = journal.rows_after(connection, cursor)
    last, covered = checkpoint.heard(bodies, rows, registry.devices)
    limit = np.maximum(3 * registry.interval_ms, LEAST_GAP_MS)
    offline_at = register_lookup.reported_offline(connection)
    meta = counters.get_meta(connection, MONITORED)
    quiet = max(int(meta or 0), int(covered.max(initial=0))) - covered
    found: dict[int, AvailabilityView] = {}
    state: Literal["online", "offline", "unknown"]
    for device in registry.device_no.values():
        at = int(last[device])
        state = "online" if now - at <= limit[device] else "unknown"
        if at == NEVER:
            state = "unknown"
        elif quiet[device] > limit[device] or offline_at.get(device, NEVER) >= at:
            state = "offline"
        heard = None if at == NEVER else rfc3339(at)
        found[device] = {"availability": state, "last_uplink_at": heard}
    return found
