"""When each bin will be full, by all that is committed; beside a hub or without."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.event import rfc3339
from sensorhub.config.settings import Settings
from sensorhub.estimate.later import ProjectedFill
from sensorhub.estimate.usage import HOUR_MS
from sensorhub.model import AssetKind
from sensorhub.registry.profiles import Profile
from sensorhub.state.recovery import memory, registry_of, settled_at
from sensorhub.state.state import State
from sensorhub.store import Connection
from sensorhub.store.hot import alerts
from sensorhub.store.hot.transactions import snapshot

FILLING = (
    AssetKind.BIN,
    AssetKind.CONTAINER,
    AssetKind.WASTE_PIT,
    AssetKind.TRANSFER_STATION,
)
MINUTE_MS = 60_000
BAND = 1.2816  # deviations from the median to 10 and 90 %
LONGEST_H = 24.0  # without a good reading: whether it was emptied nobody knows
NOTHING: dict[str, Any] = dict.fromkeys(
    (
        *("fill", "fill_10", "fill_90", "p_overfull"),
        *("p_due", "p_full_24h", "p_before_round", "next_round_at"),
        *("h10", "hours_to_full", "h90"),
    )
)


def forecasts_view(
    connection: Connection,
    settings: Settings,
    profiles: Mapping[str, Profile],
    now: int,
) -> list[dict[str, Any]]:
    """Each asset that fills, as of `now` (ms); who is likeliest full first."""
    with snapshot(connection):  # checkpoints and the journal of one moment
        settled = settled_at(connection, now)
        registry = registry_of(connection, profiles, settled)
        state, _ = memory(connection, settings, registry, ())
        emptied = alerts.last_emptied(connection)
    views: dict[int, dict[str, Any]] = {}
    for device, found in _devices(state, now):
        asset = int(registry.asset_of[device])
        known = views.get(asset)
        if known is None or _urgency(found) > _urgency(known):
            service = emptied.get(asset)
            views[asset] = _asset(state, asset) | found | {"emptied": _service(service)}
    return sorted(views.values(), key=lambda view: (-_urgency(view), view["asset"]))


def _urgency(view: dict[str, Any]) -> float:
    chance = view["p_full_24h"]
    return -1.0 if chance is None else chance + (view["fill"] or 0.0) / 1e6


def _asset(state: State, asset: int) -> dict[str, Any]:
    registry = state.registry
    traits = registry.traits[asset]
    assert traits is not None
    return {
        "asset": registry.asset_ids[asset],
        "name": registry.asset_names[asset],
        "kind": str(traits.kind),
        "zone": traits.zone,
    }


def _service(service: tuple[int, str] | None) -> dict[str, Any] | None:
    """When it was emptied last, and what was taken out, % (None: nobody measured)."""
    if service is None:
        return None
    at, cause = service
    return {"at": rfc3339(at), "amount": msgspec.json.decode(cause).get("amount")}


def _devices(state: State, now: int) -> list[tuple[int, dict[str, Any]]]:
    """Devices that tell levels, and those on assets that fill but have not yet."""
    registry, levels = state.registry, state.levels
    at = levels.table["at"]
    spoke = (registry.asset_of >= 0) & (at > np.maximum(registry.mounted_from, 0))
    row = np.flatnonzero(spoke)
    found = list(zip(row.tolist(), _told(state, row, now), strict=True))
    for device in np.flatnonzero((registry.asset_of >= 0) & ~spoke).tolist():
        traits = registry.traits[int(registry.asset_of[device])]
        if traits is not None and traits.kind in FILLING:
            none = {"device": registry.device_ids[device], "as_of": None}
            found.append((device, none | NOTHING | _rests("nothing", False)))
    return found


def _told(state: State, row: NDArray[np.intp], now: int) -> list[dict[str, Any]]:
    levels, registry = state.levels, state.registry
    later = levels.project(row, now)
    longest = np.maximum(LONGEST_H, 3 * registry.interval_ms[row] / HOUR_MS)
    views = []
    for i, device in enumerate(row.tolist()):
        view = {
            "device": registry.device_ids[device],
            "as_of": rfc3339(int(levels.table["good_at"][device])),
        } | NOTHING
        learnt = levels.knows_week(device)
        if later.silent_h[i] > longest[i]:
            view |= _rests("silent", learnt)
        elif later.young[i]:
            view |= _fill(later, i) | _rests("young", learnt)
        else:
            basis = "naive" if later.persistence[i] else "own"
            view |= _fill(later, i) | _ahead(later, i, now) | _rests(basis, learnt)
        views.append(view)
    return views


def _rests(basis: str, learnt: bool) -> dict[str, Any]:
    """What an estimate rests on: its rate, and the week of its kind of asset."""
    return {"basis": basis, "week": "learnt" if learnt else "usual"}


def _fill(later: ProjectedFill, i: int) -> dict[str, Any]:
    fill, sd = float(later.fill[i]), float(later.sd[i])
    return {
        "fill": round(fill, 1),
        "fill_10": round(max(fill - BAND * sd, 0.0), 1),
        "fill_90": round(fill + BAND * sd, 1),
        "p_overfull": round(float(later.chances.overfull[i]), 4),
    }


def _ahead(later: ProjectedFill, i: int, now: int) -> dict[str, Any]:
    low, middle, high = (
        None if np.isnan(hours[i]) else round(float(hours[i]), 1)
        for hours in later.hours
    )
    wait = float(later.next_round_h[i])
    minute = round((now + wait * HOUR_MS) / MINUTE_MS) if wait < np.inf else None
    return {
        "p_due": round(float(later.chances.due[i]), 4),
        "p_full_24h": round(float(later.full_24h[i]), 4),
        "p_before_round": round(float(later.chances.before_round[i]), 4),
        "next_round_at": None if minute is None else rfc3339(minute * MINUTE_MS),
        "h10": low,
        "hours_to_full": middle,
        "h90": high,
    }
