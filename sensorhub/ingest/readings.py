"""Values of a batch: judged, and what follows from them, as columns."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import I64, NO_DEVICE, Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.validate import AHEAD_MS, NO_TIME, beyond, judge
from sensorhub.model import BY_NAME, FILL, Outcome, Quality, Reason
from sensorhub.registry.registry import Registry

DISTANCE = BY_NAME["distance"].no
Derived = tuple[int, int, float]  # source reading, measurement number, value


def judge_values(
    registry: Registry,
    parsed: ParsedBatch,
    columns: Columns,
    replaced: NDArray[np.bool_],
) -> None:
    """Range and clock of each value; an uplink without any good one is dead."""
    columns.quality, columns.why = judge(columns.code, columns.value)
    if replaced.any():
        late = np.repeat(replaced, columns.count) & (columns.quality == 0)
        columns.quality[late] = Quality.SUSPECT
        columns.why[late] = Reason.CLOCK
    owner = columns.owner()
    if parsed.own_time:
        at = np.array(list(parsed.own_time), np.intp)
        own = np.array(list(parsed.own_time.values()), np.int64)
        here = columns.received_at[owner[at]]
        columns.measured_at[at] = np.where(own == NO_TIME, here, own)
        wrong = at[beyond(columns.measured_at[at], columns.received_at[owner[at]])]
        columns.quality[wrong] = Quality.REJECTED
        columns.why[wrong] = Reason.CLOCK
        fine = np.setdiff1d(at, wrong)
        fine = fine[columns.why[fine] == Reason.CLOCK]
        columns.quality[fine], columns.why[fine] = Quality.OK, Reason.NONE
    good = np.bincount(
        owner[columns.quality != Quality.REJECTED], minlength=columns.uplinks
    )
    empty = (good == 0) & (columns.outcome == Outcome.STORED)
    for i in np.flatnonzero(empty).tolist():
        if parsed.sound[i]:
            continue
        names = sorted({Reason(int(w)).word for w in columns.why[owner == i]})
        name = registry.device_ids[parsed.device[i]]
        parsed.kill(i, Reason.NOTHING_USABLE, name, "rejected: " + ", ".join(names))
        columns.outcome[i] = Outcome.DEAD
        columns.reason[i] = Reason.NOTHING_USABLE


def fill_levels(
    registry: Registry, columns: Columns, owner: NDArray[np.intp]
) -> list[Derived]:
    """Fill level from distance by the asset's geometry: (reading, code, %)."""
    near = (columns.code == DISTANCE) & (columns.quality != Quality.REJECTED)
    if not near.any():
        return []
    told = np.zeros(columns.uplinks, np.bool_)
    told[owner[columns.code == FILL]] = True
    device = columns.device[owner]
    reading = np.flatnonzero(near & (device != NO_DEVICE) & ~told[owner])
    asset = _assets_at(registry, device[reading], columns.measured_at[reading])
    reading, asset = reading[asset >= 0], asset[asset >= 0]
    level = registry.geometry.levels(asset, columns.value[reading])
    known = ~np.isnan(level)
    levels = zip(reading[known].tolist(), level[known].tolist(), strict=True)
    return [(i, FILL, x) for i, x in levels]


def _assets_at(
    registry: Registry, device: NDArray[np.int32], at: I64
) -> NDArray[np.int32]:
    """The assets that devices were mounted on when they measured; -1 for none."""
    asset: NDArray[np.int32] = registry.asset_of[device]
    since, until = registry.mounted_from[device], registry.mounted_until[device]
    for i in np.flatnonzero((asset < 0) | (at < since) | (at >= until)).tolist():
        asset[i] = registry.asset_at(int(device[i]), int(at[i]))
    return asset


def clocked(
    parsed: ParsedBatch, received_at: I64
) -> tuple[NDArray[np.int32], I64, NDArray[np.bool_]]:
    """Uplinks with a time of their own: device, received_at, whether ahead of us.

    The device's time, else its network server's.
    """
    said, device = np.array(parsed.said, np.int64), np.array(parsed.device, np.int32)
    said = np.where(said == NO_TIME, np.array(parsed.network, np.int64), said)
    known = (said != NO_TIME) & (device != NO_DEVICE)
    received = received_at[known]
    return device[known], received, said[known] > received + AHEAD_MS


def without_doubles(columns: Columns) -> Columns:
    """The columns without the readings of uplinks that are not stored."""
    keep = np.repeat(columns.outcome, columns.count) == Outcome.STORED
    if keep.all():
        return columns
    columns.count[columns.outcome != Outcome.STORED] = 0
    for name in ("code", "value", "measured_at", "quality", "why"):
        setattr(columns, name, getattr(columns, name)[keep])
    return columns


def without_uplinks(columns: Columns, gone: NDArray[np.bool_]) -> Columns:
    """The columns without some uplinks that have no readings."""
    if gone.any():
        per_uplink = ("device", "key", "seq", "received_at")
        for name in (*per_uplink, "outcome", "reason", "count"):
            setattr(columns, name, getattr(columns, name)[~gone])
    return columns


def with_readings(
    columns: Columns, owner: NDArray[np.intp], extra: list[Derived]
) -> Columns:
    """The columns with derived readings put behind their uplink's own."""
    source = np.array([item[0] for item in extra], np.intp)
    code = np.array([item[1] for item in extra], np.uint8)
    value = np.array([item[2] for item in extra], np.float64)
    quality, why = judge(code, value)
    why[(code == FILL) & (quality == Quality.REJECTED)] = Reason.GEOMETRY
    suspect = (quality == 0) & (columns.quality[source] == Quality.SUSPECT)
    quality[suspect] = Quality.SUSPECT
    why[suspect] = columns.why[source][suspect]
    owners = np.concatenate((owner, owner[source]))
    order = np.argsort(owners, kind="stable")
    columns.code = np.concatenate((columns.code, code))[order]
    columns.value = np.concatenate((columns.value, value))[order]
    times = np.concatenate((columns.measured_at, columns.measured_at[source]))
    columns.measured_at = times[order]
    columns.quality = np.concatenate((columns.quality, quality))[order]
    columns.why = np.concatenate((columns.why, why))[order]
    columns.count = np.bincount(owners, minlength=columns.uplinks).astype(np.int32)
    return columns
