"""Stored records: how a family sends an uplink that was lost, with its time."""

from collections.abc import Callable, Mapping
from struct import unpack_from
from typing import NamedTuple

from firmware_sim.families import dragino, milesight


class StoredRecordFormat(NamedTuple):
    """LoRaWAN port of records, and an encoder from uplink bytes and epoch seconds."""

    port: int
    encode: Callable[[bytes, int], bytes]


def _dragino(data: bytes, epoch_s: int) -> bytes:
    mv, mm = unpack_from(">HH", data)
    return dragino.dds75_stored(epoch_s, mv, mm)


def _vs350(data: bytes, epoch_s: int) -> bytes:
    came, went = unpack_from("<HH", data, 5)
    period = unpack_from("<HH", data, 11)
    return milesight.vs350_history(epoch_s, (period[0], period[1]), (came, went))


def _em300(data: bytes, epoch_s: int) -> bytes:
    tenths, halves, leak = *unpack_from("<h", data, 5), data[9], data[12]
    return milesight.em300_history(epoch_s, tenths / 10, halves / 2, leak=bool(leak))


STORED: Mapping[str, StoredRecordFormat] = {
    "dragino-ldds75": StoredRecordFormat(dragino.STORED_PORT, _dragino),
    "milesight-vs350": StoredRecordFormat(milesight.PORT, _vs350),
    "milesight-em300-sld": StoredRecordFormat(milesight.PORT, _em300),
}
