"""When each bin will be full, from committed data; with or without a running hub."""

from collections.abc import Mapping
from typing import Literal, TypedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.event import rfc3339
from sensorhub.config.settings import Settings
from sensorhub.estimate.later import ProjectedFill
from sensorhub.estimate.usage import HOUR_MS
from sensorhub.model import AssetKind
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import Registry
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


class FillView(TypedDict):
    """The estimated fill, %, with its 10-90 % band; the chance that it is full now."""

    fill: float | None
    fill_10: float | None
    fill_90: float | None
    p_overfull: float | None


class OutlookView(TypedDict):
    """Chances of being full by some times, and hours until it is, as 10-50-90 %."""

    p_due: float | None
    p_full_24h: float | None
    p_before_round: float | None
    p_soon: float | None
    next_round_at: str | None
    h10: float | None
    hours_to_full: float | None
    h90: float | None


class EmptyingView(TypedDict):
    """When an asset was last emptied, and what was removed, % (None: unknown)."""

    at: str | None
    amount: float | None


class DeviceForecastView(FillView, OutlookView):
    """What a device tells; `basis` is the rate, `week` the week that it rests on."""

    device: str
    as_of: str | None
    basis: Literal["own", "naive", "young", "nothing", "silent"]
    week: Literal["learnt", "usual"]


class ForecastView(DeviceForecastView):
    """An asset that fills, as `forecast --json` prints it."""

    asset: str
    name: str
    kind: str
    zone: str
    emptied: EmptyingView | None


NO_FILL: FillView = {
    "fill": None,
    "fill_10": None,
    "fill_90": None,
    "p_overfull": None,
}
NO_OUTLOOK: OutlookView = {
    "p_due": None,
    "p_full_24h": None,
    "p_before_round": None,
    "p_soon": None,
    "next_round_at": None,
    "h10": None,
    "hours_to_full": None,
    "h90": None,
}


def forecasts_view(
    connection: Connection,
    settings: Settings,
    profiles: Mapping[str, Profile],
    now: int,
) -> list[ForecastView]:
    """Each asset that fills, as of `now` (ms); the likeliest to be full first."""
    with snapshot(connection):  # checkpoints and the journal of one moment
        settled = settled_at(connection, now)
        registry = registry_of(connection, profiles, settled)
        state, _ = memory(connection, settings, registry, ())
        emptied = alerts.last_emptied(connection)
    chosen: dict[int, DeviceForecastView] = {}
    for device, found in _devices(state, now):
        asset = int(registry.asset_of[device])
        if asset not in chosen or _urgency(found) > _urgency(chosen[asset]):
            chosen[asset] = found
    views = [
        _asset_view(registry, asset, found, emptied.get(asset))
        for asset, found in chosen.items()
    ]
    return sorted(views, key=lambda view: (-_urgency(view), view["asset"]))


def _urgency(view: DeviceForecastView) -> float:
    chance = view["p_full_24h"]
    return -1.0 if chance is None else chance + (view["fill"] or 0.0) / 1e6


def _asset_view(
    registry: Registry,
    asset: int,
    found: DeviceForecastView,
    service: tuple[int, str] | None,
) -> ForecastView:
    traits = registry.traits[asset]
    assert traits is not None
    return {
        "asset": registry.asset_ids[asset],
        "name": registry.asset_names[asset],
        "kind": str(traits.kind),
        "zone": traits.zone,
        **found,
        "emptied": None if service is None else _emptying(*service),
    }


def _emptying(at: int, cause: str) -> EmptyingView:
    return {"at": rfc3339(at), "amount": msgspec.json.decode(cause).get("amount")}


def _devices(state: State, now: int) -> list[tuple[int, DeviceForecastView]]:
    """Devices that tell levels, and those on assets that fill but have not yet."""
    registry, levels = state.registry, state.levels
    at = levels.table["at"]
    spoke = (registry.asset_of >= 0) & (at > np.maximum(registry.mounted_from, 0))
    row = np.flatnonzero(spoke)
    found = list(zip(row.tolist(), _measured(state, row, now), strict=True))
    for device in np.flatnonzero((registry.asset_of >= 0) & ~spoke).tolist():
        traits = registry.traits[int(registry.asset_of[device])]
        if traits is not None and traits.kind in FILLING:
            view: DeviceForecastView = {
                "device": registry.device_ids[device],
                "as_of": None,
                **NO_FILL,
                **NO_OUTLOOK,
                "basis": "nothing",
                "week": "usual",
            }
            found.append((device, view))
    return found


def _measured(
    state: State, row: NDArray[np.intp], now: int
) -> list[DeviceForecastView]:
    """Views of the devices in `row`, which have sent levels."""
    levels, registry = state.levels, state.registry
    later = levels.project(row, now)
    longest = np.maximum(LONGEST_H, 3 * registry.interval_ms[row] / HOUR_MS)
    views: list[DeviceForecastView] = []
    for i, device in enumerate(row.tolist()):
        silent = bool(later.silent_h[i] > longest[i])
        known = not silent and not later.young[i]
        views.append(
            {
                "device": registry.device_ids[device],
                "as_of": rfc3339(int(levels.table["good_at"][device])),
                **(NO_FILL if silent else _fill(later, i)),
                **(_outlook(later, i, now) if known else NO_OUTLOOK),
                "basis": "silent" if silent else _basis(later, i),
                "week": "learnt" if levels.knows_week(device) else "usual",
            }
        )
    return views


def _basis(later: ProjectedFill, i: int) -> Literal["own", "naive", "young"]:
    if later.young[i]:
        return "young"
    return "naive" if later.persistence[i] else "own"


def _fill(later: ProjectedFill, i: int) -> FillView:
    fill, sd = float(later.fill[i]), float(later.sd[i])
    return {
        "fill": round(fill, 1),
        "fill_10": round(max(fill - BAND * sd, 0.0), 1),
        "fill_90": round(fill + BAND * sd, 1),
        "p_overfull": round(float(later.chances.overfull[i]), 4),
    }


def _outlook(later: ProjectedFill, i: int, now: int) -> OutlookView:
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
        "p_soon": round(float(later.chances.soon[i]), 4),
        "next_round_at": None if minute is None else rfc3339(minute * MINUTE_MS),
        "h10": low,
        "hours_to_full": middle,
        "h90": high,
    }
