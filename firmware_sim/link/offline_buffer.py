"""Records that a device stores while it has no connection and sends later.

A native device sends an array, the oldest record first. LoRaWAN families whose stored
record format is documented send records with their own times. Others store nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.stored import STORED
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.town.fleet import Fleet

RECORDS_PER_FRAME = 4  # that fit into a LoRaWAN frame
HISTORY = "history"
Mask = NDArray[np.bool_]


class OfflineBuffer:
    """The record stores of all devices; `capacity`: records per device.

    The oldest record is dropped when a store is full.
    """

    def __init__(self, capacity: int, fleet: Fleet) -> None:
        self._capacity = capacity
        self._native = fleet.keeps_counter().tolist()
        self._has_store = [
            native or family in STORED
            for native, family in zip(self._native, fleet.families, strict=True)
        ]
        self._families = fleet.families
        self._stores: dict[int, deque[DeviceFrame]] = {}
        self._delivered: dict[
            int, DeviceFrame
        ] = {}  # last one of a device with records

    def frames(
        self, at: int, can_send: Mask, next_seq: Callable[[int], int]
    ) -> Iterator[DeviceFrame]:
        """Yield LoRaWAN frames of stored records, one for each device heard before."""
        delivered, self._delivered = self._delivered, {}
        for row, frame in delivered.items():
            if not can_send[row] or row not in self._stores:
                continue
            store = self._stores.pop(row)
            count = min(RECORDS_PER_FRAME, len(store))
            records = tuple(store.popleft() for _ in range(count))
            if store:
                self._stores[row] = store
            port, encode = STORED[self._families[row]]
            yield DeviceFrame(
                at,
                row,
                next_seq(row),
                "",
                frame.gateway,
                port=port,
                data=b"".join(encode(x.data, _device_epoch_s(x)) for x in records),
                kind=HISTORY,
                stored=records,
            )

    def process(
        self, items: Iterable[DeliveredFrame | LostFrame]
    ) -> Iterator[DeliveredFrame | LostFrame]:
        """Store lost frames and attach stored ones to native frames that arrive.

        A lost frame that its device stores is not passed on.
        """
        source = complete = None
        for item in items:
            frame = item.frame
            if isinstance(item, LostFrame):
                yield from self._process_lost(item)
            elif frame is source and complete is not None:
                yield item._replace(frame=complete)
            else:
                source, complete = frame, self._with_stored(frame)
                yield item._replace(frame=complete)

    def close(self) -> list[LostFrame]:
        """Return the records that were never sent."""
        unsent = [frame for store in self._stores.values() for frame in store]
        return [LostFrame(frame, "end") for frame in unsent]

    def _process_lost(self, item: LostFrame) -> Iterator[LostFrame]:
        frame = item.frame
        no_record = frame.kind and not frame.stored
        if no_record or not self._has_store[frame.row]:
            yield item
            return
        store = self._stores.setdefault(frame.row, deque())
        if frame.stored:
            store.extendleft(reversed(frame.stored))
            yield LostFrame(frame._replace(stored=()), item.reason)
        else:
            store.append(frame)
        while len(store) > self._capacity:
            yield LostFrame(store.popleft(), item.reason)

    def _with_stored(self, frame: DeviceFrame) -> DeviceFrame:
        row = frame.row
        if row not in self._stores:
            return frame
        if self._native[row]:
            return frame._replace(stored=tuple(self._stores.pop(row)))
        self._delivered[row] = frame
        return frame


def _device_epoch_s(frame: DeviceFrame) -> int:
    """Time of an uplink by the clock of its device, epoch seconds."""
    return (frame.at + frame.clock_error_ms) // 1000
