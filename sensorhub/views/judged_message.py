"""A message read and judged as the hub does it, without a running hub.

The register may be changed for it: what if the device had this profile, this asset?
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.codecs.protocol import CodecRunner
from sensorhub.columns import NO_DEVICE, Columns
from sensorhub.config.layout import TopicSettings
from sensorhub.ingest.batch_columns import build_columns
from sensorhub.ingest.parsed_batch import DecodeTrace, ParsedBatch
from sensorhub.ingest.reader import MessageReader
from sensorhub.ingest.readings import fill_levels, with_readings
from sensorhub.model import (
    BY_NO,
    Measurement,
    Outcome,
    Quality,
    Reason,
)
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import AssetRow, DeviceRow, MountingRow, Registry

STRAY = "(frame)"  # the device of a frame that names none; no device can be called so
NO_PROFILE = Profile(name="none", vendor="-", model="-")
Read = Callable[[MessageReader], ParsedBatch]


class RegisterRows(NamedTuple):
    """The rows that a registry is built of."""

    assets: list[AssetRow]
    devices: list[DeviceRow]
    mountings: list[MountingRow]


@dataclass(frozen=True, slots=True)
class DecodeContext:
    """What an explanation may look up.

    `profile` and `asset` are what to assume of the devices instead of what the register
    says: their profile, and the shape of the asset that they are mounted on.
    """

    rows: RegisterRows
    profiles: dict[str, Profile]
    topics: tuple[TopicSettings, ...]
    max_payload: int
    codecs: CodecRunner
    profile: Profile | None = None
    asset: AssetRow | None = None


class JudgedReading(NamedTuple):
    """A reading as the hub's checks judge it."""

    measurement: Measurement
    value: float
    quality: Quality
    reason: Reason


class UplinkVerdict(NamedTuple):
    """How an uplink ends, and the detail of its dead letter."""

    outcome: Outcome
    reason: Reason
    detail: str | None


class JudgedMessage(NamedTuple):
    """A message as read and judged.

    `readings` are those of all decoded uplinks, in their order; `derived` are the
    others, each with the place of the reading that it is derived from.
    """

    registry: Registry
    parsed: ParsedBatch
    trace: DecodeTrace
    verdicts: list[UplinkVerdict]
    readings: list[JudgedReading]
    derived: list[tuple[int, JudgedReading]]


def judge_message(
    read: Read, context: DecodeContext, now: int, *, received: bool = True
) -> JudgedMessage:
    """Judge what `read` reads, as received `now`; unless `received`, at its own time.

    Where something is assumed of the devices, it is read again by a register that says
    so. Devices that have no profile are read without one, to show their values.
    """
    rows = context.rows
    registry = Registry(rows.assets, rows.devices, rows.mountings, context.profiles)
    at = now if received else None
    real = _judge(read, registry, context, at, now)
    without = _without_profile(real)
    assumed = set(without.values())
    if context.profile or context.asset:
        found = real.parsed.device
        assumed |= {registry.device_ids[n] for n in found if n != NO_DEVICE}
    if not assumed:
        return real
    other = _judge(read, _assume(context, registry, assumed), context, at, now)
    if not context.profile:  # their values are shown, but the hub keeps none
        for uplink in without:
            other.verdicts[uplink] = real.verdicts[uplink]
    return other


def _without_profile(judged: JudgedMessage) -> dict[int, str]:
    """The uplinks whose device or profile is not known, with their device."""
    parsed, profiles = judged.parsed, judged.registry.profiles
    found = {}
    for item in parsed.dead:
        device = parsed.device[item.uplink]
        unknown = parsed.reason[item.uplink] == Reason.UNKNOWN_DEVICE
        if unknown or (device != NO_DEVICE and profiles[device] is None):
            found[item.uplink] = item.device
    return found


def _assume(context: DecodeContext, real: Registry, names: set[str]) -> Registry:
    """The register as if the named devices had the profile and the asset assumed."""
    rows = context.rows
    profiles = dict(context.profiles)
    assets, mountings = list(rows.assets), list(rows.mountings)
    devices = [row for row in rows.devices if row.id not in names]
    shape = 1 + max((row.no for row in assets), default=0)
    if context.asset is not None:
        assets.append(context.asset._replace(no=shape, retired=None))
    new = 1 + max((row.no for row in rows.devices), default=0)
    for name in sorted(names):
        number = real.device_no.get(name)
        known = None if number is None else real.profiles[number]
        profile = context.profile or known or NO_PROFILE
        profiles[profile.name] = profile
        if number is None:
            number, new = new, new + 1
        devices.append(DeviceRow(number, name, profile.name, None, None))
        if context.asset is not None:
            mountings = [row for row in mountings if row.device != number]
            mountings.append(MountingRow(number, shape, None, None))
    return Registry(assets, devices, mountings, profiles)


def _judge(
    read: Read, registry: Registry, context: DecodeContext, at: int | None, now: int
) -> JudgedMessage:
    """Read and judge, as the hub does with a batch received `at` (None: not known)."""
    registry.settle(now)
    topics, codecs = context.topics, context.codecs
    parsed = read(MessageReader(registry, topics, context.max_payload, codecs))
    assert parsed.trace is not None
    if at is None:
        at = max(parsed.own_time.values(), default=now)
    columns, _, unusable = build_columns(registry, parsed, at, None)
    details = {item.uplink: item.detail for item in (*parsed.dead, *unusable)}
    ends = zip(columns.outcome.tolist(), columns.reason.tolist(), strict=True)
    verdicts = [
        UplinkVerdict(Outcome(outcome), Reason(reason), details.get(uplink))
        for uplink, (outcome, reason) in enumerate(ends)
    ]
    levels = fill_levels(registry, columns, columns.reading_uplink())
    full = with_readings(columns, columns.reading_uplink(), levels)
    uplink_of = full.reading_uplink()
    first = np.cumsum(full.count) - full.count
    is_own = np.arange(full.readings) - first[uplink_of] < columns.count[uplink_of]
    own, derived = _readings(full, is_own), _readings(full, ~is_own)
    sources = [source for source, _, _ in levels]
    pairs = list(zip(sources, derived, strict=True))
    return JudgedMessage(registry, parsed, parsed.trace, verdicts, own, pairs)


def _readings(columns: Columns, picked: NDArray[np.bool_]) -> list[JudgedReading]:
    return [
        JudgedReading(
            BY_NO[int(columns.code[i])],
            float(columns.value[i]),
            Quality(int(columns.quality[i])),
            Reason(int(columns.quality_reason[i])),
        )
        for i in np.flatnonzero(picked).tolist()
    ]
