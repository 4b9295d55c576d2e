"""Readings of a batch as columns: range and clock checks, fill level from distance."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import I64, NO_DEVICE, U8, Columns
from sensorhub.ingest.parsed_batch import DeadUplink, ParsedBatch
from sensorhub.ingest.validate import AHEAD_MS, NO_TIME, check_ranges, is_implausible
from sensorhub.model import BY_NAME, FILL, Outcome, Quality, Reason
from sensorhub.registry.registry import Registry

DISTANCE = BY_NAME["distance"].no
Derived = tuple[int, int, float]  # source reading, measurement number, value


class CheckedReadings(NamedTuple):
    """Time, quality and reason of each reading after the checks."""

    measured_at: I64
    quality: U8
    quality_reason: U8


def check_readings(
    parsed: ParsedBatch, columns: Columns, replaced: NDArray[np.bool_]
) -> CheckedReadings:
    """Check each reading by range and clock.

    `replaced` marks the uplinks whose device time was replaced: their readings are
    suspect, unless a reading has a time of its own.
    """
    measured_at = columns.measured_at
    quality, reason = check_ranges(columns.code, columns.value)
    if replaced.any():
        late = np.repeat(replaced, columns.count) & (quality == 0)
        quality[late] = Quality.SUSPECT
        reason[late] = Reason.CLOCK
    if parsed.own_time:
        at = np.array(list(parsed.own_time), np.intp)
        own = np.array(list(parsed.own_time.values()), np.int64)
        received_at = columns.received_at[columns.reading_uplink()[at]]
        measured_at = measured_at.copy()
        measured_at[at] = np.where(own == NO_TIME, received_at, own)
        wrong = at[is_implausible(measured_at[at], received_at)]
        quality[wrong] = Quality.REJECTED
        reason[wrong] = Reason.CLOCK
        fine = np.setdiff1d(at, wrong)
        fine = fine[reason[fine] == Reason.CLOCK]
        quality[fine], reason[fine] = Quality.OK, Reason.NONE
    return CheckedReadings(measured_at, quality, reason)


def find_unusable(
    registry: Registry, parsed: ParsedBatch, columns: Columns
) -> list[DeadUplink]:
    """The stored uplinks whose readings were all rejected, unless they are sound."""
    uplink_of = columns.reading_uplink()
    good = np.bincount(
        uplink_of[columns.quality != Quality.REJECTED], minlength=columns.uplinks
    )
    found = []
    empty = (good == 0) & (columns.outcome == Outcome.STORED)
    for i in np.flatnonzero(empty).tolist():
        if parsed.sound[i]:
            continue
        names = sorted(
            {Reason(int(w)).word for w in columns.quality_reason[uplink_of == i]}
        )
        name = registry.device_ids[parsed.device[i]]
        found.append(DeadUplink(i, name, "rejected: " + ", ".join(names)))
    return found


def fill_levels(
    registry: Registry, columns: Columns, uplink_of: NDArray[np.intp]
) -> list[Derived]:
    """Fill level from distance by the asset's geometry: (reading, code, %)."""
    near = (columns.code == DISTANCE) & (columns.quality != Quality.REJECTED)
    if not near.any():
        return []
    has_level = np.zeros(columns.uplinks, np.bool_)
    has_level[uplink_of[columns.code == FILL]] = True
    device = columns.device[uplink_of]
    reading = np.flatnonzero(near & (device != NO_DEVICE) & ~has_level[uplink_of])
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


def device_clocks(
    parsed: ParsedBatch, received_at: I64
) -> tuple[NDArray[np.int32], I64, NDArray[np.bool_]]:
    """Uplinks that carry a time: device, received_at, whether ahead of the hub.

    The time is the device's, else its network server's.
    """
    at, device = (
        np.array(parsed.device_time, np.int64),
        np.array(parsed.device, np.int32),
    )
    at = np.where(at == NO_TIME, np.array(parsed.network_time, np.int64), at)
    known = (at != NO_TIME) & (device != NO_DEVICE)
    received = received_at[known]
    return device[known], received, at[known] > received + AHEAD_MS


def without_unstored(columns: Columns) -> Columns:
    """The columns without the readings of uplinks that are not stored."""
    stored = columns.outcome == Outcome.STORED
    keep = np.repeat(stored, columns.count)
    if keep.all():
        return columns
    return replace(
        columns,
        count=np.where(stored, columns.count, 0).astype(np.int32),
        code=columns.code[keep],
        value=columns.value[keep],
        measured_at=columns.measured_at[keep],
        quality=columns.quality[keep],
        quality_reason=columns.quality_reason[keep],
    )


def without_uplinks(columns: Columns, dropped: NDArray[np.bool_]) -> Columns:
    """The columns without some uplinks that have no readings."""
    if not dropped.any():
        return columns
    kept = ~dropped
    return replace(
        columns,
        device=columns.device[kept],
        key=columns.key[kept],
        seq=columns.seq[kept],
        received_at=columns.received_at[kept],
        outcome=columns.outcome[kept],
        reason=columns.reason[kept],
        count=columns.count[kept],
    )


def with_readings(
    columns: Columns, uplink_of: NDArray[np.intp], extra: list[Derived]
) -> Columns:
    """The columns with derived readings put behind their uplink's own."""
    source = np.array([item[0] for item in extra], np.intp)
    code = np.array([item[1] for item in extra], np.uint8)
    value = np.array([item[2] for item in extra], np.float64)
    quality, reason = check_ranges(code, value)
    reason[(code == FILL) & (quality == Quality.REJECTED)] = Reason.GEOMETRY
    suspect = (quality == 0) & (columns.quality[source] == Quality.SUSPECT)
    quality[suspect] = Quality.SUSPECT
    reason[suspect] = columns.quality_reason[source][suspect]
    owners = np.concatenate((uplink_of, uplink_of[source]))
    order = np.argsort(owners, kind="stable")
    times = np.concatenate((columns.measured_at, columns.measured_at[source]))
    return replace(
        columns,
        code=np.concatenate((columns.code, code))[order],
        value=np.concatenate((columns.value, value))[order],
        measured_at=times[order],
        quality=np.concatenate((columns.quality, quality))[order],
        quality_reason=np.concatenate((columns.quality_reason, reason))[order],
        count=np.bincount(owners, minlength=columns.uplinks).astype(np.int32),
    )
