"""Where each reading's point lies: at measured_at, or some ms later.

InfluxDB overwrites a value by another of the same series and time. So a value that
differs from one that the device gave for the same measurement and millisecond goes
to the next free millisecond. That is decided by what the store holds and in the
order received, never by what was sent: a repeat after a crash decides the same.

Nearly every reading is later than all of its device, and lies where it was
measured without a look into the store: `marks` has each device's latest time.
"""

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from sensorhub.columns import I64
from sensorhub.model import NEVER, Quality
from sensorhub.store.history import DeviceSpan
from sensorhub.store.readings import Readings, join

CHAIN_MS = 60_000  # a point is moved by at most so much out of another's way
DEVICES_A_LOOK = 500

Look = Callable[[Sequence[DeviceSpan]], Readings]


class PointTimes:
    """Gives readings their places; `look(spans)` reads the store.

    `unknown`: the time up to which devices may have been sent already.
    """

    def __init__(self, look: Look, unknown: int = NEVER) -> None:
        self._look = look
        self._unknown = unknown
        self._marks: I64 = np.empty(0, np.int64)

    def place(self, found: Readings) -> tuple[Readings, I64 | None]:
        """The readings, and by reading how many ms its point lies later.

        None stands for no reading at all. A replayed reading may move others that
        were sent before: these come along.
        """
        if not len(found):
            return found, None
        self._grow(int(found.device.max()) + 1)
        devices = self._doubtful(found)
        if not len(devices):
            np.maximum.at(self._marks, found.device, found.measured_at)
            return found, None
        found, shift = self._decide(found, devices)
        np.maximum.at(self._marks, found.device, found.measured_at + shift)
        return found, shift if shift.any() else None

    def _grow(self, size: int) -> None:
        if size > len(self._marks):
            fresh = np.full(size - len(self._marks) + 1024, self._unknown, np.int64)
            self._marks = np.concatenate((self._marks, fresh))

    def _doubtful(self, found: Readings) -> I64:
        """Devices with a point that may not be alone at its time."""
        late = found.measured_at <= self._marks[found.device]
        new = (np.diff(found.device) != 0) | (np.diff(found.measured_at) != 0)
        new |= np.diff(found.received_at) != 0
        starts = np.r_[0, np.flatnonzero(new) + 1]
        device, at = found.device[starts], found.measured_at[starts]
        order = np.lexsort((at, device))
        device, at = device[order], at[order]
        twice = (device[1:] == device[:-1]) & (at[1:] == at[:-1])
        return np.unique(
            np.concatenate((found.device[late], device[1:][twice])).astype(np.int64)
        )

    def _decide(self, found: Readings, devices: I64) -> tuple[Readings, I64]:
        shift = np.zeros(len(found), np.int64)
        more, moved = [found], [shift]
        for first in range(0, len(devices), DEVICES_A_LOOK):
            some = devices[first : first + DEVICES_A_LOOK]
            mine = np.flatnonzero(np.isin(found.device, some))
            asked = found.take(mine)
            stored = self._look(_spans(asked))
            places = shifts(join([stored, asked]))
            shift[mine] = places[len(stored) :]
            oldest = np.full(int(some.max()) + 1, 2**62)
            np.minimum.at(oldest, asked.device, asked.received_at)
            behind = stored.received_at > oldest[stored.device]
            again = np.flatnonzero(behind & (places[: len(stored)] > 0))
            more.append(stored.take(again))
            moved.append(places[again])
        return join(more), np.concatenate(moved)

    # -- remembering --

    def dump(self) -> bytes:
        """The marks as bytes."""
        return zlib.compress(self._marks.astype("<i8").tobytes(), 1)

    def load(self, body: bytes) -> None:
        """Take marks that `dump` gave."""
        self._marks = np.frombuffer(zlib.decompress(body), "<i8").astype(np.int64)


def _spans(asked: Readings) -> list[DeviceSpan]:
    device = asked.device
    low = np.full(int(device.max()) + 1, 2**62)
    high = np.full(len(low), NEVER)
    np.minimum.at(low, device, asked.measured_at)
    np.maximum.at(high, device, asked.measured_at)
    return [
        DeviceSpan(d, int(low[d]) - CHAIN_MS, int(high[d]) + CHAIN_MS)
        for d in np.unique(device).tolist()
    ]


def shifts(known: Readings) -> I64:
    """By reading, how many ms it is moved, all being placed in the order received.

    The same value of the same time lies where it lies, however often it comes.
    """
    bits = known.value.view(np.int64)
    order = np.lexsort((bits, known.code, known.received_at))
    taken: set[tuple[int, int, int]] = set()
    placed: dict[tuple[int, int, int, int], int] = {}
    free: dict[tuple[int, int, int], int] = {}  # where to look first
    result = np.zeros(len(known), np.int64)
    for i, device, code, t, value, quality in zip(
        order.tolist(),
        known.device[order].tolist(),
        known.code[order].tolist(),
        known.measured_at[order].tolist(),
        bits[order].tolist(),
        known.quality[order].tolist(),
        strict=True,
    ):
        if quality == Quality.REJECTED:
            continue
        key = (device, code, t, value)
        at = placed.get(key)
        if at is None:
            at = free.get(key[:3], t)
            while (device, code, at) in taken:
                at += 1
            taken.add((device, code, at))
            placed[key] = at
            free[key[:3]] = at + 1
        result[i] = at - t
    return result
