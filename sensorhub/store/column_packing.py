"""Column compression: narrow, byte-shuffled integers, deflated."""

import zlib

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import F64, I32, I64

Mask = NDArray[np.bool_]

FEW = 8  # at most one in so many values may be an exception
FINER = (0, 2, 4)  # more decimals to try than the measurement's own
FLOATS = -1
EXACT = 2.0**53
RAW, DEFLATED = b"\0", b"\1"


class Ints(msgspec.Struct, array_like=True):
    """Integers less `low` in `width` bytes each; differences after `first`."""

    low: int = 0
    width: int = 0
    first: int | None = None
    data: bytes = b""


class Values(msgspec.Struct, array_like=True):
    """Floats: integers at 10**-decimals but for the `odd` ones, or bits."""

    decimals: int
    ints: Ints
    odd_at: Ints
    odd: bytes


def pack_ints(values: I64 | I32) -> Ints:
    """Any integers, lossless."""
    if not len(values):
        return Ints()
    low, high = int(values.min()), int(values.max())
    span = high - low
    if not span:
        return Ints(low)
    width = 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4 if span < 1 << 32 else 8
    narrow = (values - np.int64(low)).astype(f"<u{width}")
    if width == 1:
        return Ints(low, 1, None, narrow.tobytes())
    return Ints(low, width, None, narrow.view(np.uint8).reshape(-1, width).T.tobytes())


def pack_steps(values: I64 | I32) -> Ints:
    """Integers by their differences."""
    if not len(values):
        return Ints()
    packed = pack_ints(np.diff(values))
    packed.first = int(values[0])
    return packed


def pack_smoother(values: I64) -> Ints:
    """Pack integers as they are or as differences, whichever vary less."""
    if len(values) < 3:
        return pack_ints(values)
    rough = values.astype(np.float64)
    steps = np.abs(np.diff(rough)).sum()
    away = np.abs(rough - rough.mean()).sum()
    return pack_steps(values) if steps < away else pack_ints(values)


def unpack_ints(packed: Ints, n: int) -> I64:
    """The `n` integers that were packed."""
    if packed.first is None:
        return _plain(packed, n)
    result = np.empty(n, np.int64)
    result[0] = packed.first
    result[1:] = _plain(packed, n - 1)
    return np.cumsum(result, out=result)


def _plain(packed: Ints, n: int) -> I64:
    width = packed.width
    if not width:
        return np.full(n, packed.low, np.int64)
    raw = np.frombuffer(packed.data, np.uint8, n * width)
    if width > 1:
        raw = np.ascontiguousarray(raw.reshape(width, n).T).reshape(-1)
    return raw.view(f"<u{width}").astype(np.int64) + np.int64(packed.low)


def pack_values(value: F64, decimals: int) -> Values:
    """Floats at a resolution of 10**-decimals where that loses nothing."""
    for finer in FINER:
        scale = 10.0 ** (decimals + finer)
        steps, exact = to_ints(value, scale, EXACT)
        ints = steps.astype(np.int64)
        odd = np.flatnonzero(~exact)
        if len(odd) * FEW <= len(value):
            return Values(
                decimals + finer,
                pack_smoother(ints[exact] if len(odd) else ints),
                pack_steps(odd),
                value[odd].tobytes(),
            )
    bits = value.view(np.int64)
    changed = np.bitwise_xor(bits, np.r_[np.int64(0), bits[:-1]])
    raw = changed.view(np.uint8).reshape(-1, 8).T.tobytes()
    return Values(FLOATS, Ints(), Ints(), raw)


def unpack_values(packed: Values, n: int) -> F64:
    """The `n` floats that were packed."""
    if packed.decimals == FLOATS:
        raw = np.frombuffer(packed.odd, np.uint8, 8 * n).reshape(8, n)
        bits = np.ascontiguousarray(raw.T).reshape(-1).view(np.int64)
        return np.bitwise_xor.accumulate(bits).view(np.float64)
    scale = 10.0**packed.decimals
    count = len(packed.odd) // 8
    if not count:
        return unpack_ints(packed.ints, n) / scale
    result = np.empty(n)
    odd = unpack_ints(packed.odd_at, count)
    exact = np.ones(n, np.bool_)
    exact[odd] = False
    result[exact] = unpack_ints(packed.ints, n - count) / scale
    result[odd] = np.frombuffer(packed.odd, np.float64)
    return result


def to_ints(value: F64, scale: F64 | float, most: float) -> tuple[F64, Mask]:
    """Whole steps up to `most`, and where dividing them gives the value exactly."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.rint(value * scale)
        exact = (steps / scale == value) & (np.abs(steps) <= most)
    if not exact.all():
        steps[~exact] = 0.0
    return steps, exact


def deflate(data: bytes, planes: int = 1) -> bytes:
    """Compress bytes where that makes them fewer; each equal plane by itself."""
    if len(data) < 16:
        return RAW + data
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12, 8, zlib.Z_FILTERED)
    size = len(data) // planes
    parts = []
    for at in range(0, size * planes, size):
        parts.append(compressor.compress(data[at : at + size]))
        parts.append(compressor.flush(zlib.Z_BLOCK) if at + size < len(data) else b"")
    deflated = b"".join([*parts, compressor.flush()])
    return DEFLATED + deflated if len(deflated) < len(data) else RAW + data


def inflate(data: bytes) -> bytes:
    """Undo `deflate`. Raises zlib.error on damaged bytes."""
    return zlib.decompress(data[1:], -12) if data[:1] == DEFLATED else data[1:]


def deflate_ints(ints: Ints) -> Ints:
    """Compress the bytes of `ints` in place and return it."""
    ints.data = deflate(ints.data, ints.width) if ints.data else b""
    return ints


def inflate_ints(ints: Ints) -> Ints:
    """Undo `deflate_ints` in place and return `ints`."""
    ints.data = inflate(ints.data)
    return ints
