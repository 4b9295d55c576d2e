"""The bytes of a slice: some thousand readings of a few devices."""

import zlib

import msgspec
import numpy as np

from sensorhub.store.column_packing import Ints, pack_ints, pack_steps, unpack_ints
from sensorhub.store.uplink_columns import DECIMALS, UplinkColumns, rescale


class _Slice(msgspec.Struct, array_like=True):
    uplinks: int
    readings: int
    decimals: bytes
    device: Ints
    received_at: Ints
    count: Ints
    offset: Ints
    code: bytes
    steps: Ints
    odd_at: Ints
    odd_value: bytes
    odd_offset: Ints
    odd_marks: bytes


def pack(columns: UplinkColumns) -> bytes:
    """A slice's body."""
    packed = _Slice(
        uplinks=len(columns.device),
        readings=columns.readings,
        decimals=DECIMALS,
        device=pack_steps(columns.device),
        received_at=pack_ints(columns.received_at),
        count=pack_ints(columns.count),
        offset=pack_ints(columns.offset),
        code=columns.code.tobytes(),
        steps=pack_ints(columns.steps),
        odd_at=pack_steps(columns.odd_at),
        odd_value=columns.odd_value.tobytes(),
        odd_offset=pack_ints(columns.odd_offset),
        odd_marks=columns.odd_quality.tobytes() + columns.odd_reason.tobytes(),
    )
    return zlib.compress(msgspec.msgpack.encode(packed), 1)


def unpack(body: bytes) -> UplinkColumns:
    """What `pack` packed. Raises ValueError on damaged bytes."""
    try:
        packed = msgspec.msgpack.decode(zlib.decompress(body), type=_Slice)
        return _unpack(packed)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise ValueError(f"damaged slice: {error}") from error


def _unpack(packed: _Slice) -> UplinkColumns:
    n, odd = packed.uplinks, len(packed.odd_marks) // 2
    marks = np.frombuffer(packed.odd_marks, np.uint8)
    columns = UplinkColumns(
        device=unpack_ints(packed.device, n).astype(np.int32),
        received_at=unpack_ints(packed.received_at, n),
        count=unpack_ints(packed.count, n).astype(np.int32),
        offset=unpack_ints(packed.offset, n),
        code=np.frombuffer(packed.code, np.uint8),
        steps=unpack_ints(packed.steps, packed.readings).astype(np.int32),
        odd_at=unpack_ints(packed.odd_at, odd),
        odd_value=np.frombuffer(packed.odd_value, np.float64),
        odd_offset=unpack_ints(packed.odd_offset, odd),
        odd_quality=marks[:odd],
        odd_reason=marks[odd:],
    )
    decimals = packed.decimals + DECIMALS[len(packed.decimals) :]  # of fewer numbers
    return columns if decimals == DECIMALS else rescale(columns, decimals)
