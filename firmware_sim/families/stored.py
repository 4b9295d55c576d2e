"""What a family sends of an uplink that was not heard: its record with its time."""

from collections.abc import Callable, Mapping
from struct import unpack_from
from typing import NamedTuple

from firmware_sim.families import dragino, milesight


class StoredRecordFormat(NamedTuple):
    """Where records go, and a record out of an uplink's bytes and epoch seconds."""

    port: int
    record: Callable[[bytes, int], bytes]


def _dragino(data: bytes, second: int) -> bytes:
    mv, mm = unpack_from(">HH", data)
    return dragino.dds75_stored(second, mv, mm)


def _vs350(data: bytes, second: int) -> bytes:
    came, went = unpack_from("<HH", data, 5)
    period = unpack_from("<HH", data, 11)
    return milesight.vs350_history(second, (period[0], period[1]), (came, went))


def _em300(data: bytes, second: int) -> bytes:
    tenths, halves, leak = *unpack_from("<h", data, 5), data[9], data[12]
    return milesight.em300_history(second, tenths / 10, halves / 2, leak=bool(leak))


STORED: Mapping[str, StoredRecordFormat] = {
    "dragino-ldds75": StoredRecordFormat(dragino.STORED_PORT, _dragino),
    "milesight-vs350": StoredRecordFormat(milesight.PORT, _vs350),
    "milesight-em300-sld": StoredRecordFormat(milesight.PORT, _em300),
}
