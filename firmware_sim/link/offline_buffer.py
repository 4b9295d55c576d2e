"""What a device keeps while it is cut off, and sends with what is heard next.

A native device sends an array, the oldest first. LoRaWAN families whose records are
documented send them with their own times. Others keep nothing.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from firmware_sim.families.stored import STORED
from firmware_sim.firmware.frame import DeviceFrame
from firmware_sim.link.channel import DeliveredFrame, LostFrame
from firmware_sim.town.fleet import Fleet

AT_ONCE = 4  # records that fit into a LoRaWAN frame
HISTORY = "history"
Mask = NDArray[np.bool_]


class OfflineBuffer:
    """The stores of all devices; `keeps`: records each, the oldest fall out."""

    def __init__(self, keeps: int, fleet: Fleet) -> None:
        self._keeps = keeps
        self._native = fleet.counting().tolist()
        self._stores = [
            native or family in STORED
            for native, family in zip(self._native, fleet.families, strict=True)
        ]
        self._families = fleet.families
        self._kept: dict[int, deque[DeviceFrame]] = {}
        self._heard: dict[
            int, DeviceFrame
        ] = {}  # the last uplink of who has stored ones

    def frames(
        self, at: int, speaks: Mask, next_seq: Callable[[int], int]
    ) -> Iterator[DeviceFrame]:
        """LoRaWAN frames of records at `at`, of who was heard before."""
        heard, self._heard = self._heard, {}
        for row, frame in heard.items():
            if not speaks[row] or row not in self._kept:
                continue
            kept = self._kept.pop(row)
            records = tuple(kept.popleft() for _ in range(min(AT_ONCE, len(kept))))
            if kept:
                self._kept[row] = kept
            port, record = STORED[self._families[row]]
            yield DeviceFrame(
                *(at, row, next_seq(row), "", frame.via),
                port=port,
                data=b"".join(record(x.data, _second(x)) for x in records),
                kind=HISTORY,
                more=records,
            )

    def take(
        self, carried: Iterable[DeliveredFrame | LostFrame]
    ) -> Iterator[DeliveredFrame | LostFrame]:
        """The same, without what is kept and with what is sent after all."""
        source = whole = None
        for item in carried:
            frame = item.frame
            if isinstance(item, LostFrame):
                yield from self._lost(item)
            elif frame is source and whole is not None:
                yield item._replace(frame=whole)
            else:
                source, whole = frame, self._with_kept(frame)
                yield item._replace(frame=whole)

    def close(self) -> list[LostFrame]:
        """What is still kept at the end."""
        kept = [frame for store in self._kept.values() for frame in store]
        return [LostFrame(frame, "end") for frame in kept]

    def _lost(self, item: LostFrame) -> Iterator[LostFrame]:
        frame = item.frame
        no_record = frame.kind and not frame.more
        if no_record or not self._stores[frame.row]:
            yield item
            return
        kept = self._kept.setdefault(frame.row, deque())
        if frame.more:
            kept.extendleft(reversed(frame.more))
            yield LostFrame(frame._replace(more=()), item.why)
        else:
            kept.append(frame)
        while len(kept) > self._keeps:
            yield LostFrame(kept.popleft(), item.why)

    def _with_kept(self, frame: DeviceFrame) -> DeviceFrame:
        row = frame.row
        if row not in self._kept:
            return frame
        if self._native[row]:
            return frame._replace(more=tuple(self._kept.pop(row)))
        self._heard[row] = frame
        return frame


def _second(frame: DeviceFrame) -> int:
    """When an uplink was made, by its device's clock, epoch s."""
    return (frame.at + frame.wrong_ms) // 1000
