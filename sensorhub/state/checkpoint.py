"""Checkpoints: the state as bytes, one block of devices at a time.

A block holds up to 1,000 devices. Series are written under (device, code), since
their numbers are given anew at each start.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.rule_track import RuleTrack
from sensorhub.columns import (
    NO_DEVICE,
    unpack,
    unpack_notes,
)
from sensorhub.model import NEVER, Outcome
from sensorhub.state.fill_estimates import FillEstimateRows
from sensorhub.state.fill_learning import BLOCK
from sensorhub.state.sensor_health import SensorHealthRows
from sensorhub.state.series import Series
from sensorhub.state.state import State
from sensorhub.store.hot.journal import JournalRow

LATER = frozenset({"gateway"})  # columns that checkpoints of before do not have
# by the key that is stored: the part of the state and its column. Keys and their
# order are the format.
DEVICE_COLUMNS = {
    "interval_ms": ("reception", "interval_ms"),
    "last_received": ("reception", "last_received"),
    "covered_at": ("reception", "monitored_at"),
    "ring": ("dedup", "ring"),
    "ring_seq": ("dedup", "ring_seq"),
    "ring_at": ("dedup", "ring_at"),
    "gateway": ("reception", "gateway"),
}
# by the key that is stored: the column of the series
SERIES_COLUMNS = {
    name if name not in {"device", "code"} else f"s_{name}": name
    for name in Series.COLUMNS
}


class CheckpointBlock(msgspec.Struct, array_like=True):
    """What a checkpoint row holds."""

    devices: int
    device: dict[str, bytes]
    series: dict[str, bytes]
    tracks: list[tuple[str, int, int, list[list[Any]], list[int]]]
    flapping: list[tuple[str, int, int]]
    baselines: list[Any]  # of earlier versions
    means: list[tuple[str, int, int, str, list[int], list[float]]] = []
    health: SensorHealthRows = SensorHealthRows()
    levels: FillEstimateRows = FillEstimateRows()


def blocks_of(state: State) -> int:
    """How many blocks the state has."""
    return -(-state.registry.devices // BLOCK)


def dump(state: State, block: int) -> bytes:
    """The bytes of a block."""
    first = block * BLOCK
    last = min(first + BLOCK, state.registry.devices)
    series, tracks, rules = state.series, state.rules.tracks, state.rules.rules
    inside = series.device[: series.count]
    chosen = np.flatnonzero((inside >= first) & (inside < last))
    wanted = set(chosen.tolist())
    judged = {rule.id: rule.judged for rule in rules}
    places = [(key, key[1]) for key in tracks if key[1] in wanted]
    return msgspec.msgpack.encode(
        CheckpointBlock(
            last - first,
            {n: c[first:last].tobytes() for n, c in _device_columns(state).items()},
            {
                key: getattr(series, name)[chosen].tobytes()
                for key, name in SERIES_COLUMNS.items()
            },
            [
                (
                    key[0],
                    int(series.device[s]),
                    int(series.code[s]),
                    _plain(tracks[key]),
                    tracks[key].changes,
                )
                for key, s in places
            ],
            [
                (rule, int(series.device[s]), int(series.code[s]))
                for rule, s in sorted(state.rules.flapping)
                if s in wanted
            ],
            [],
            [
                (
                    *(key[0], int(series.device[s]), int(series.code[s])),
                    judged[key[0]],
                    *(tracks[key].mean.times, tracks[key].mean.values),
                )
                for key, s in places
                if tracks[key].mean.times
            ],
            state.health.dump(first, last),
            state.levels.dump(first, last),
        )
    )


def _device_columns(state: State) -> dict[str, NDArray[Any]]:
    """The device columns under the keys that are stored."""
    return {
        key: getattr(getattr(state, part), name)
        for key, (part, name) in DEVICE_COLUMNS.items()
    }


def _plain(track: RuleTrack) -> list[list[Any]]:
    return [[c.active, c.since, c.clear_since, c.bits] for c in track.comparators]


def load(state: State, block: int, body: bytes) -> None:
    """Put a block's bytes into the state. Raises ValueError on damaged bytes."""
    try:
        data = msgspec.msgpack.decode(body, type=CheckpointBlock)
        columns = {
            name: np.frombuffer(data.series[key], getattr(state.series, name).dtype)
            for key, name in SERIES_COLUMNS.items()
        }
        _load_devices(state, block * BLOCK, data)
        state.health.load(block * BLOCK, data.health)
        state.levels.load(block * BLOCK, data.levels)
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"damaged checkpoint: {error}") from error
    series, rules = state.series, state.rules
    added = series.add(columns["device"], columns["code"])
    rules.ranges.set_idle(added)
    for name, column in columns.items():
        getattr(series, name)[added] = column
    limits = {rule.id: len(rule.limits) for rule in rules.rules}
    for rule, device, code, comparators, changes in data.tracks:
        if limits.get(rule) == len(comparators):
            number = series.number(device, code)
            rules.tracks[rule, number] = _track(comparators, changes)
    judged = {rule.id: rule.judged for rule in rules.rules}
    for rule, device, code, how, times, values in data.means:
        track = rules.tracks.get((rule, series.number(device, code)))
        if track is not None and judged[rule] == how:
            track.mean.times, track.mean.values = times, values
    for rule, device, code in data.flapping:
        if rule in limits:
            rules.flapping.add((rule, series.number(device, code)))


def _load_devices(state: State, first: int, data: CheckpointBlock) -> None:
    columns = _device_columns(state)
    old = {
        name: np.frombuffer(data.device[name], column.dtype)
        for name, column in columns.items()
        if name in data.device or name not in LATER
    }
    for name, values in old.items():
        column = columns[name]
        shape = (data.devices, *column.shape[1:])
        column[first : first + data.devices] = values.reshape(shape)


def _track(comparators: list[list[Any]], changes: list[int]) -> RuleTrack:
    track = RuleTrack(len(comparators))
    track.changes = list(changes)
    for comparator, values in zip(track.comparators, comparators, strict=True):
        comparator.active, comparator.since = values[0], values[1]
        comparator.clear_since, comparator.bits = values[2], values[3]
    return track


def heard(
    blocks: Iterable[tuple[int, bytes]], rows: Iterable[JournalRow], devices: int
) -> NDArray[np.int64]:
    """By device: time last heard, and the monitored time then (two rows, ms).

    For readers beside the hub: from sound checkpoint blocks and the journal after
    them. NEVER where it was not heard.
    """
    found = np.full((2, devices), NEVER, np.int64)
    for block, body in blocks:
        data = msgspec.msgpack.decode(body, type=CheckpointBlock)
        first = block * BLOCK
        for row, name in enumerate(("last_received", "covered_at")):
            column = np.frombuffer(data.device[name], np.int64)
            found[row, first : first + data.devices] = column
    for entry in rows:
        if not entry.sound:
            continue
        columns, notes = unpack(entry.body), unpack_notes(entry.body)
        alive = (columns.outcome == Outcome.STORED) | (columns.outcome == Outcome.DEAD)
        alive &= columns.device != NO_DEVICE
        device = columns.device[alive]
        np.maximum.at(found[0], device, columns.received_at[alive])
        found[1, device] = np.maximum(found[1, device], notes.monitored_ms)
    return found
