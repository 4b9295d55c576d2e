"""Encoding of chunks: the readings of one device in one week.

One column of times for values that came together, one column of values for each
measurement. Each column is compressed separately: their bytes differ in kind.
"""

import itertools
import zlib
from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import F64, I64
from sensorhub.model import BY_NO
from sensorhub.store.column_packing import (
    Ints,
    Values,
    deflate,
    deflate_ints,
    inflate,
    inflate_ints,
    pack_ints,
    pack_steps,
    pack_values,
    unpack_ints,
    unpack_values,
)
from sensorhub.store.readings import Readings, join

WEEK_MS = 7 * 86_400_000
MONDAY_MS = 4 * 86_400_000  # 1970-01-05, the first Monday
DECIMALS = 2  # of a measurement that the catalogue does not know (any more)


def week_of(at: I64) -> I64:
    """The week number (weeks begin Monday 00:00 UTC) of times in ms."""
    return (at - MONDAY_MS) // WEEK_MS


class _ChunkSeries(msgspec.Struct, array_like=True):
    code: int
    readings: int
    rows: bytes  # a bit a row that has a value; empty where all have
    values: Values


class _ChunkBody(msgspec.Struct, array_like=True):
    rows: int
    measured_at: Ints
    delay: Ints
    series: list[_ChunkSeries]
    marked: int
    marked_at: Ints
    marks: bytes


def pack(readings: Readings) -> bytes:
    """A chunk's body: readings of one device, at least one, none twice."""
    keys = (readings.code, readings.received_at, readings.measured_at)
    r = readings.take(np.lexsort(keys))
    starts = np.r_[
        True,
        (r.measured_at[1:] != r.measured_at[:-1])
        | (r.received_at[1:] != r.received_at[:-1])
        | (r.code[1:] == r.code[:-1]),
    ]
    row = np.cumsum(starts) - 1
    measured_at = r.measured_at[starts]
    order = np.argsort(r.code, kind="stable")
    r, row = r.take(order), row[order]
    marked = np.flatnonzero(r.quality | r.quality_reason)
    marks = r.quality[marked].tobytes() + r.quality_reason[marked].tobytes()
    chunk = _ChunkBody(
        rows=len(measured_at),
        measured_at=deflate_ints(pack_steps(measured_at)),
        delay=deflate_ints(pack_ints(_delays(r, row, measured_at))),
        series=_series(r, row, len(measured_at)),
        marked=len(marked),
        marked_at=deflate_ints(pack_steps(marked)),
        marks=deflate(marks),
    )
    return msgspec.msgpack.encode(chunk)


def _delays(r: Readings, row: I64, measured_at: I64) -> I64:
    delay = np.empty(len(measured_at), np.int64)
    delay[row] = r.received_at
    return delay - measured_at


def _series(r: Readings, row: I64, rows: int) -> list[_ChunkSeries]:
    cuts = np.flatnonzero(np.r_[True, r.code[1:] != r.code[:-1], True]).tolist()
    series = []
    for a, b in itertools.pairwise(cuts):
        code = int(r.code[a])
        bits = np.zeros(rows if b - a < rows else 0, np.bool_)
        bits[row[a:b] if len(bits) else []] = True
        known = BY_NO.get(code)
        values = pack_values(r.value[a:b], known.decimals if known else DECIMALS)
        values.ints, values.odd_at = (
            deflate_ints(values.ints),
            deflate_ints(values.odd_at),
        )
        values.odd = deflate(values.odd)
        present = deflate(np.packbits(bits).tobytes())
        series.append(_ChunkSeries(code, b - a, present, values))
    return series


def unpack(device: int, body: bytes, codes: Collection[int] | None = None) -> Readings:
    """Readings of a chunk (of `codes`); by code. ValueError on damaged bytes."""
    try:
        chunk = msgspec.msgpack.decode(body, type=_ChunkBody)
        return _unpack(device, chunk, codes)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise ValueError(f"damaged chunk: {error}") from error


def _unpack(device: int, chunk: _ChunkBody, codes: Collection[int] | None) -> Readings:
    n = chunk.rows
    measured_at = unpack_ints(inflate_ints(chunk.measured_at), n)
    received_at = measured_at + unpack_ints(inflate_ints(chunk.delay), n)
    marked_at = unpack_ints(inflate_ints(chunk.marked_at), chunk.marked)
    marks = np.frombuffer(inflate(chunk.marks), np.uint8).reshape(2, -1)
    parts, at = [], 0
    for series in chunk.series:
        m, start = series.readings, at
        at += m
        if codes is not None and series.code not in codes:
            continue
        rows: NDArray[np.bool_] | slice = slice(None)
        if m < n:
            packed = np.frombuffer(inflate(series.rows), np.uint8)
            rows = np.unpackbits(packed, count=n).view(np.bool_)
        quality, reason = np.zeros((2, m), np.uint8)
        a, b = np.searchsorted(marked_at, (start, at))
        quality[marked_at[a:b] - start] = marks[0, a:b]
        reason[marked_at[a:b] - start] = marks[1, a:b]
        parts.append(
            Readings(
                device=np.full(m, device, np.int32),
                code=np.full(m, series.code, np.uint8),
                measured_at=measured_at[rows],
                received_at=received_at[rows],
                value=_values(series.values, m),
                quality=quality,
                quality_reason=reason,
            )
        )
    return join(parts)


def _values(values: Values, n: int) -> F64:
    values.ints, values.odd_at = inflate_ints(values.ints), inflate_ints(values.odd_at)
    values.odd = inflate(values.odd)
    return unpack_values(values, n)
