"""A batch as columns, and its compact form for the journal.

One row per uplink: device, key, seq, received_at, outcome, reason, count. One row
per reading, in the order of the uplinks: code (measurement number), value,
measured_at, quality, quality_reason. `count` is the number of readings of an uplink.
"""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]

NO_DEVICE = -1
NO_SEQ = -1
BARE = -2  # neither seq nor ts: recognised by content and time only


@dataclass(slots=True)
class Columns:
    """Uplinks and their readings, sorted as received."""

    device: I32  # register number, NO_DEVICE where unknown
    key: U64  # of topic, seq and content: the duplicate windows compare it
    seq: I64  # NO_SEQ or BARE where the uplink carries none
    received_at: I64  # ms
    outcome: U8  # model.Outcome
    reason: U8  # model.Reason
    count: I32  # readings of this uplink
    code: U8  # model.Measurement.no
    value: F64
    measured_at: I64  # ms
    quality: U8  # model.Quality
    quality_reason: U8  # model.Reason

    @property
    def uplinks(self) -> int:
        """How many uplinks."""
        return len(self.device)

    @property
    def readings(self) -> int:
        """How many readings."""
        return len(self.code)

    @classmethod
    def empty(cls) -> "Columns":
        """A batch without uplinks."""
        none: NDArray[np.int64] = np.empty(0, np.int64)
        u8, i32 = none.astype(np.uint8), none.astype(np.int32)
        return cls(
            device=i32,
            key=none.astype(np.uint64),
            seq=none,
            received_at=none,
            outcome=u8,
            reason=u8,
            count=i32,
            code=u8,
            value=none.astype(np.float64),
            measured_at=none,
            quality=u8,
            quality_reason=u8,
        )

    def reading_uplink(self) -> NDArray[np.intp]:
        """For each reading the index of its uplink."""
        return np.repeat(np.arange(len(self.count)), self.count)


class Service(NamedTuple):
    """A collection or cleaning: asset number, kind, time (ms).

    A service detected from readings has the bracket of its time (ms) and the amount
    that was removed (%).
    """

    asset: int
    kind: str
    at: int
    begin: int | None = None
    end: int | None = None
    amount: float | None = None


class Notes(msgspec.Struct, array_like=True):
    """What a journal row holds beside its columns, for the fold.

    `monitored_ms` is the monitored time (ms) up to here: the time in which the hub
    could have heard. `intervals` are (device, ms) that devices reported before this
    batch; `device_times` are (uplink, ms) of device times that were too far off and
    were replaced; `gateways` are (device, subject) where another gateway hears a
    device from now on; `excused` are devices whose silence is counted from now.
    `usage` is what was learnt and is used from here on: population, its week and crew
    hours as float32, settling; `persistence` are the populations that use persistence
    forecasts (as on the last day) from then on.
    """

    monitored_ms: int = 0
    services: list[Service] = []
    intervals: list[tuple[int, int]] = []
    device_times: list[tuple[int, int]] = []
    gateways: list[tuple[int, int]] = []
    excused: list[int] = []
    usage: list[tuple[int, bytes, float]] = []
    persistence: list[int] = []


class _Body(msgspec.Struct, array_like=True):
    uplinks: int
    readings: int
    first: int
    keys: bytes
    rest: bytes
    marks: bytes
    notes: Notes


def _shuffle(values: NDArray[np.int64] | NDArray[np.float64]) -> bytes:
    return values.view(np.uint8).reshape(-1, 8).T.tobytes()


def _unshuffle(data: bytes, n: int) -> NDArray[np.uint8]:
    raw = np.frombuffer(data, np.uint8, 8 * n)
    return np.ascontiguousarray(raw.reshape(8, n).T).reshape(-1)


def pack(columns: Columns, notes: Notes) -> bytes:
    """The journal's bytes for a batch."""
    n, m = columns.uplinks, columns.readings
    first = int(columns.received_at[0]) if n else 0
    offset = columns.measured_at - np.repeat(columns.received_at, columns.count)
    rest = b"".join(
        (
            columns.device.astype("<i4", copy=False).tobytes(),
            _shuffle(columns.seq),
            _shuffle(columns.received_at - first),
            columns.outcome.tobytes(),
            columns.reason.tobytes(),
            columns.count.astype("<i4", copy=False).tobytes(),
            columns.code.tobytes(),
            _shuffle(columns.value),
            _shuffle(offset),
        )
    )
    marked = columns.quality.any() or columns.quality_reason.any()
    marks = (
        columns.quality.tobytes() + columns.quality_reason.tobytes() if marked else b""
    )
    return msgspec.msgpack.encode(
        _Body(
            n,
            m,
            first,
            columns.key.tobytes(),
            zlib.compress(rest, 1),
            zlib.compress(marks, 1) if marked else b"",
            notes,
        )
    )


def unpack_notes(body: bytes) -> Notes:
    """The notes of a journal row. Raises ValueError on damaged bytes."""
    try:
        return msgspec.msgpack.decode(body, type=_Body).notes
    except msgspec.MsgspecError as error:
        raise ValueError(f"damaged journal row: {error}") from error


def unpack_devices(body: bytes) -> I32:
    """The devices of a journal row's uplinks. Raises ValueError on damaged bytes.

    They come first, so that little is inflated: a cheap test before the full unpack.
    """
    try:
        packed = msgspec.msgpack.decode(body, type=_Body)
        size = 4 * packed.uplinks
        head = zlib.decompressobj().decompress(packed.rest, size) if size else b""
        return np.frombuffer(head, "<i4").astype(np.int32, copy=False)
    except (msgspec.MsgspecError, zlib.error, ValueError) as error:
        raise ValueError(f"damaged journal row: {error}") from error


def unpack(body: bytes) -> Columns:
    """The batch that `pack` wrote. Raises ValueError on damaged bytes."""
    try:
        packed = msgspec.msgpack.decode(body, type=_Body)
        return _columns(packed, zlib.decompress(packed.rest))
    except (msgspec.MsgspecError, zlib.error, ValueError) as error:
        raise ValueError(f"damaged journal row: {error}") from error


def _columns(packed: _Body, rest: bytes) -> Columns:
    n, m = packed.uplinks, packed.readings
    at = 0

    def cut(size: int) -> bytes:
        nonlocal at
        at += size
        return rest[at - size : at]

    # in the order in which `pack` joined them
    device = np.frombuffer(cut(4 * n), "<i4").astype(np.int32)
    seq = _unshuffle(cut(8 * n), n).view(np.int64)
    received_at = _unshuffle(cut(8 * n), n).view(np.int64) + packed.first
    outcome, reason = (np.frombuffer(cut(n), np.uint8) for _ in range(2))
    count = np.frombuffer(cut(4 * n), "<i4").astype(np.int32)
    code = np.frombuffer(cut(m), np.uint8)
    value = _unshuffle(cut(8 * m), m).view(np.float64)
    offset = _unshuffle(cut(8 * m), m).view(np.int64)
    marks = zlib.decompress(packed.marks) if packed.marks else bytes(2 * m)
    return Columns(
        device=device,
        key=np.frombuffer(packed.keys, np.uint64),
        seq=seq,
        received_at=received_at,
        outcome=outcome,
        reason=reason,
        count=count,
        code=code,
        value=value,
        measured_at=offset + np.repeat(received_at, count),
        quality=np.frombuffer(marks, np.uint8)[:m],
        quality_reason=np.frombuffer(marks, np.uint8)[m:],
    )
