"""How every asset stands: last values, when heard, open alerts; beside the hub.

A reader keeps what it has read: the first look unpacks the checkpoints, each further
one only the journal since the last. Values are columns, one a measurement.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import F64, I32, I64, U8, unpack
from sensorhub.model import NEVER, Outcome, Quality
from sensorhub.state.checkpoint import CheckpointBlock
from sensorhub.state.fill_learning import BLOCK
from sensorhub.store import Connection, register, register_arrays
from sensorhub.store.hot import alerts, checkpoints, journal


class Newest(NamedTuple):
    """A row a device or an asset: when it was measured (ms), and what."""

    at: I64
    value: F64


@dataclass(slots=True)
class AssetStates:
    """One row an asset; `values` by measurement number.

    `at` is NEVER and `value` NaN where nothing is known; `severity` is the worst open
    alert's, 0 for none. Of several devices on an asset the newest value counts.
    """

    ids: list[str]
    zones: list[str]
    heard_at: I64
    severity: U8
    values: dict[int, Newest] = field(default_factory=dict)


class AssetStateReader:
    """Looks at one database again and again; `connection` is for reading."""

    def __init__(self, connection: Connection) -> None:
        self._read = connection
        self._version: int | None = None
        self._row = -1
        self._heard: I64 = np.empty(0, np.int64)
        self._values: dict[int, Newest] = {}
        self._ids: list[str] = []
        self._zones: list[str] = []
        self._row_of: I64 = np.empty(0, np.int64)
        self._mountings: NDArray[np.int64] = np.empty((0, 4), np.int64)

    def look(self, now: int) -> AssetStates:
        """How the assets stand at `now` (ms), by all that is committed."""
        self._register()
        self._follow()
        return self._by_asset(now)

    # -- the register --

    def _register(self) -> None:
        version = register.version(self._read)
        if version == self._version:
            return
        self._version = version
        numbers, self._ids, self._zones = register_arrays.assets(self._read)
        self._row_of = np.full(int(numbers.max(initial=0)) + 1, -1, np.int64)
        self._row_of[numbers] = np.arange(len(numbers))
        self._mountings = register_arrays.mountings(self._read, NEVER)
        _, last = register.last_numbers(self._read)
        self._grow(last + 1)

    def _grow(self, devices: int) -> None:
        new = devices - len(self._heard)
        if new <= 0:
            return
        never, nothing = np.full(new, NEVER), np.full(new, np.nan)
        self._heard = np.r_[self._heard, never]
        for code, (at, value) in self._values.items():
            self._values[code] = Newest(np.r_[at, never], np.r_[value, nothing])

    # -- values --

    def _follow(self) -> None:
        """Take what is new; from the checkpoints where the journal has moved on."""
        oldest = journal.first_number(self._read)
        if self._row < 0 or (oldest is not None and oldest > self._row + 1):
            self._row = self._load()
        for row in journal.rows_after(self._read, self._row):
            self._row = row.id
            if row.sound:
                self._take(row.body)

    def _load(self) -> int:
        """Take the checkpoints; the oldest of their journal rows."""
        cursors, parts = [], []
        for row in checkpoints.load(self._read):
            if row.sound:
                data = msgspec.msgpack.decode(row.body, type=CheckpointBlock)
                self._take_heard(row.block, data)
                parts.append(data.series)
                cursors.append(row.cursor)

        def whole(name: str) -> bytes:
            return b"".join(part[name] for part in parts)

        self._newer(
            np.frombuffer(whole("s_device"), np.int32),
            np.frombuffer(whole("s_code"), np.uint8),
            np.frombuffer(whole("last_at"), np.int64),
            np.frombuffer(whole("last_value"), np.float64),
        )
        blocks = -(-len(self._heard) // BLOCK)
        return min(cursors) if len(cursors) >= blocks else 0

    def _take_heard(self, block: int, data: CheckpointBlock) -> None:
        heard = np.frombuffer(data.device["last_received"], np.int64)
        first = block * BLOCK
        self._grow(first + len(heard))
        part = self._heard[first : first + len(heard)]
        np.maximum(part, heard, out=part)

    def _take(self, body: bytes) -> None:
        columns = unpack(body)
        known = (columns.device >= 0) & (columns.device < len(self._heard))
        stored = known & (columns.outcome == Outcome.STORED)
        heard = stored | (known & (columns.outcome == Outcome.DEAD))
        np.maximum.at(self._heard, columns.device[heard], columns.received_at[heard])
        keep = np.repeat(stored, columns.count) & (columns.quality != Quality.REJECTED)
        device = np.repeat(columns.device, columns.count)[keep]
        at, value, code = (
            column[keep]
            for column in (columns.measured_at, columns.value, columns.code)
        )
        # of equal times the first counts: it is entered last
        order = np.lexsort((-np.arange(len(at)), at))
        self._newer(device[order], code[order], at[order], value[order])

    def _newer(self, device: I32, code: U8, at: I64, value: F64) -> None:
        """Values in order of time; those that are newer than what is known stay."""
        for one in np.unique(code).tolist():
            mine = np.flatnonzero(code == one)
            if one not in self._values:
                n = len(self._heard)
                self._values[one] = Newest(np.full(n, NEVER), np.full(n, np.nan))
            known = self._values[one]
            mine = mine[at[mine] > known.at[device[mine]]]
            place = device[mine]
            known.at[place], known.value[place] = at[mine], value[mine]

    # -- assets --

    def _by_asset(self, now: int) -> AssetStates:
        n = len(self._ids)
        found = AssetStates(
            self._ids, self._zones, np.full(n, NEVER), np.zeros(n, np.uint8)
        )
        for code in self._values:
            found.values[code] = Newest(np.full(n, NEVER), np.full(n, np.nan))
        mounted = self._mountings
        mounted = mounted[(mounted[:, 2] <= now) & (now < mounted[:, 3])]
        device, since = mounted[:, 0], mounted[:, 2]
        rows = self._row_of[mounted[:, 1]]
        first = np.r_[True, rows[1:] != rows[:-1]][: len(rows)]
        self._put(found, rows[first], device[first], since[first])
        for i in np.flatnonzero(~first).tolist():  # several devices: of few assets
            one = slice(i, i + 1)
            self._put(found, rows[one], device[one], since[one])
        for asset, severity in alerts.worst_by_asset(self._read).items():
            if 0 <= asset < len(self._row_of) and self._row_of[asset] >= 0:
                found.severity[self._row_of[asset]] = severity
        return found

    def _put(self, found: AssetStates, rows: I64, device: I64, since: I64) -> None:
        """What devices say of assets, as far as they were mounted by then."""
        for code, (at, value) in self._values.items():
            reported_at, known = at[device], found.values[code]
            newer = (reported_at > known.at[rows]) & (reported_at >= since)
            place = rows[newer]
            known.at[place], known.value[place] = (
                reported_at[newer],
                value[device[newer]],
            )
        found.heard_at[rows] = np.maximum(found.heard_at[rows], self._heard[device])
