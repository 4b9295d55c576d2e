"""State to bytes and back, a block of devices at a time; and the fold.

A block holds up to 1,000 devices. Series are written under (device, code), since
their numbers are given anew at each start.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.alerts.track import Track
from sensorhub.columns import (
    NO_DEVICE,
    Columns,
    Notes,
    Service,
    unpack,
    unpack_notes,
)
from sensorhub.model import NEVER, Outcome
from sensorhub.state.fill_estimates import FillEstimateRows
from sensorhub.state.fill_learning import BLOCK, Taught
from sensorhub.state.rule_evaluation import Moved
from sensorhub.state.sensor_health import SensorHealthRows
from sensorhub.state.state import State
from sensorhub.store.journal import JournalRow

LATER = frozenset({"gateway"})  # columns that checkpoints of before do not have


class Block(msgspec.Struct, array_like=True):
    """What a checkpoint row holds."""

    devices: int
    device: dict[str, bytes]
    series: dict[str, bytes]
    tracks: list[tuple[str, int, int, list[list[Any]], list[int]]]
    flapping: list[tuple[str, int, int]]
    baselines: list[Any]  # of earlier versions
    means: list[tuple[str, int, int, str, list[int], list[float]]] = []
    signs: SensorHealthRows = SensorHealthRows()
    levels: FillEstimateRows = FillEstimateRows()


def blocks_of(state: State) -> int:
    """How many blocks the state has."""
    return -(-state.registry.devices // BLOCK)


def dump(state: State, block: int) -> bytes:
    """The bytes of a block."""
    first = block * BLOCK
    last = min(first + BLOCK, state.registry.devices)
    inside = state.s_device[: state.series]
    chosen = np.flatnonzero((inside >= first) & (inside < last))
    wanted = set(chosen.tolist())
    judged = {rule.id: rule.judged for rule in state.rules}
    places = [(key, key[1]) for key in state.tracks if key[1] in wanted]
    return msgspec.msgpack.encode(
        Block(
            last - first,
            {n: getattr(state, n)[first:last].tobytes() for n in state.DEVICE_COLUMNS},
            {n: getattr(state, n)[chosen].tobytes() for n in state.SERIES_COLUMNS},
            [
                (
                    key[0],
                    int(state.s_device[s]),
                    int(state.s_code[s]),
                    _plain(state.tracks[key]),
                    state.tracks[key].changes,
                )
                for key, s in places
            ],
            [
                (rule, int(state.s_device[s]), int(state.s_code[s]))
                for rule, s in sorted(state.flapping)
                if s in wanted
            ],
            [],
            [
                (
                    *(key[0], int(state.s_device[s]), int(state.s_code[s])),
                    judged[key[0]],
                    *(state.tracks[key].mean.times, state.tracks[key].mean.values),
                )
                for key, s in places
                if state.tracks[key].mean.times
            ],
            state.signs.dump(first, last),
            state.levels.dump(first, last),
        )
    )


def _plain(track: Track) -> list[list[Any]]:
    return [[c.active, c.since, c.clear_since, c.bits] for c in track.comparators]


def load(state: State, block: int, body: bytes) -> None:
    """Put a block's bytes into the state. Raises ValueError on damaged bytes."""
    try:
        data = msgspec.msgpack.decode(body, type=Block)
        columns = {
            name: np.frombuffer(data.series[name], getattr(state, name).dtype)
            for name in state.SERIES_COLUMNS
        }
        _load_devices(state, block * BLOCK, data)
        state.signs.load(block * BLOCK, data.signs)
        state.levels.load(block * BLOCK, data.levels)
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"damaged checkpoint: {error}") from error
    start = state.add_all_series(columns["s_device"], columns["s_code"])
    for name, column in columns.items():
        getattr(state, name)[start : start + len(column)] = column
    limits = {rule.id: len(rule.limits) for rule in state.rules}
    for rule, device, code, comparators, changes in data.tracks:
        if limits.get(rule) == len(comparators):
            series = int(state.series_of[device, code])
            state.tracks[rule, series] = _track(comparators, changes)
    judged = {rule.id: rule.judged for rule in state.rules}
    for rule, device, code, how, times, values in data.means:
        track = state.tracks.get((rule, int(state.series_of[device, code])))
        if track is not None and judged[rule] == how:
            track.mean.times, track.mean.values = times, values
    for rule, device, code in data.flapping:
        if rule in limits:
            state.flapping.add((rule, int(state.series_of[device, code])))


def _load_devices(state: State, first: int, data: Block) -> None:
    old = {
        name: np.frombuffer(data.device[name], getattr(state, name).dtype)
        for name in state.DEVICE_COLUMNS
        if name in data.device or name not in LATER
    }
    for name, values in old.items():
        column = getattr(state, name)
        shape = (data.devices, *column.shape[1:])
        column[first : first + data.devices] = values.reshape(shape)


def _track(comparators: list[list[Any]], changes: list[int]) -> Track:
    track = Track(len(comparators))
    track.changes = list(changes)
    for comparator, values in zip(track.comparators, comparators, strict=True):
        comparator.active, comparator.since = values[0], values[1]
        comparator.clear_since, comparator.bits = values[2], values[3]
    return track


def fold(
    state: State,
    rows: Iterable[JournalRow],
    cursors: dict[int, int],
    damaged: Callable[[JournalRow], None],
) -> int:
    """Move the state by journal rows after each block's cursor; writes nothing.

    `cursors` has the journal row that each block stands for. A row that cannot
    be read is given to `damaged` and passed. Answers the last row's number.
    """
    cursor_of = np.zeros(state.registry.devices, np.int64)
    for block, cursor in cursors.items():
        cursor_of[block * BLOCK : (block + 1) * BLOCK] = cursor
    last = 0
    for row in rows:
        last = row.id
        try:
            if not row.sound:
                raise ValueError("checksum")
            columns, notes = unpack(row.body), unpack_notes(row.body)
        except ValueError:
            damaged(row)
            continue
        _apply(state, columns, notes, cursor_of < row.id)
    return last


def _apply(state: State, columns: Columns, notes: Notes, mask: NDArray[Any]) -> None:
    state.covered = notes.covered
    for device, interval_ms in notes.intervals:
        if mask[device]:
            state.interval_ms[device] = interval_ms
    state.remember(columns, mask)
    state.taken_over((d, place) for d, place in notes.via if mask[d])
    state.excuse([device for device in notes.excused if mask[device]])
    if columns.uplinks:
        taught = Taught(notes.usage, notes.naive)
        state.levels.teaching.fold(taught, int(columns.received_at[0]), mask)
    state.signs.look(columns, mask)
    left = {(s.asset, s.at): s for s in notes.services}

    def serve(reading: int, service: Service) -> None:
        left.pop((service.asset, service.at), None)
        state.serviced(service, mask)

    state.move(columns, notes.services, _nothing, serve, mask)
    for service in left.values():
        state.serviced(service, mask)


def _nothing(reading: int, moved: list[Moved] | object) -> None:
    """The fold decides nothing: the database says which alerts are open."""


def heard(
    blocks: Iterable[tuple[int, bytes]], rows: Iterable[JournalRow], devices: int
) -> NDArray[np.int64]:
    """By device: when it was last heard, and the covered time then (two rows, ms).

    For readers beside the hub: from sound checkpoint blocks and the journal after
    them. NEVER where it was not heard.
    """
    found = np.full((2, devices), NEVER, np.int64)
    for block, body in blocks:
        data = msgspec.msgpack.decode(body, type=Block)
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
        found[1, device] = np.maximum(found[1, device], notes.covered)
    return found
