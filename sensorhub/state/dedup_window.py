"""The duplicate windows: recent keys of all topics, and rings of keys by device.

Device columns are indexed by register number.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import NO_DEVICE, Columns
from sensorhub.model import NEVER

RING = 16
RECENT = 65_536
BARE_MS = 60_000


class RecentKeys:
    """Keys of the last 65,536 uplinks of all topics, and times of bare ones.

    A duplicate counts like any uplink and renews its key, so that a message that the
    broker sends again and again stays known.
    """

    def __init__(self) -> None:
        self.keys: dict[int, int] = {}  # key: the batch that had it last
        self._batches: deque[list[int]] = deque()
        self._number = 0  # of the newest batch
        self._held = 0
        self.bare: dict[int, int] = {}
        self._bare_limit = 4 * RECENT

    def add(self, keys: list[int]) -> None:
        """Add a batch's keys; the oldest batches are dropped."""
        self._number += 1
        self.keys.update(dict.fromkeys(keys, self._number))
        self._batches.append(keys)
        self._held += len(keys)
        while self._held - len(self._batches[0]) >= RECENT:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._number - len(self._batches) + 1
        keys = self._batches.popleft()
        self._held -= len(keys)
        known = self.keys
        for key in keys:
            if known.get(key) == oldest:
                del known[key]

    def add_bare(self, pairs: Iterable[tuple[int, int]], now: int) -> None:
        """Note (key, received_at) of uplinks that carry neither ts nor seq."""
        self.bare.update(pairs)
        if len(self.bare) > self._bare_limit:
            self.bare = {k: at for k, at in self.bare.items() if now - at < BARE_MS}
            self._bare_limit = max(4 * RECENT, 2 * len(self.bare))


class DedupWindow:
    """The last 16 keys and seqs of each device, and the recent keys of all topics."""

    def __init__(self, devices: int) -> None:
        self.ring = np.zeros((devices, RING), np.uint64)
        self.ring_seq = np.full((devices, RING), NEVER, np.int64)
        self.ring_at = np.zeros(devices, np.int64)
        self.recent = RecentKeys()

    def in_rings(
        self, device: NDArray[np.int32], key: NDArray[np.uint64]
    ) -> NDArray[np.bool_]:
        """Which uplinks are in their own device's window."""
        known = device != NO_DEVICE
        found: NDArray[np.bool_] = (self.ring[device] == key[:, None]).any(1) & known
        return found

    def remember(
        self, columns: Columns, new: NDArray[np.bool_], moving: NDArray[np.bool_]
    ) -> None:
        """Enter a batch's uplinks into both windows.

        `new` says which uplinks are no duplicates, `moving` those of them whose device
        is to move. The window over all topics takes every uplink.
        """
        self.recent.add(columns.key.tolist())
        bare = new & (columns.seq < -1)
        if bare.any():
            at = columns.received_at[bare]
            pairs = zip(columns.key[bare].tolist(), at.tolist(), strict=True)
            self.recent.add_bare(pairs, int(at[-1]))
        if moving.any():
            device = columns.device[moving]
            slot = (self.ring_at[device] + ranks(device)) % RING
            self.ring[device, slot] = columns.key[moving]
            self.ring_seq[device, slot] = columns.seq[moving]
            np.add.at(self.ring_at, device, 1)


def ranks(device: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each entry how many of the same device stand before it."""
    order, starts = _grouped(device)
    rank = np.empty(len(device), np.int64)
    rank[order] = _places(starts, len(device))
    return rank


def rising(at: NDArray[np.int64], device: NDArray[np.int32]) -> NDArray[np.int64]:
    """Times (ms) that grow by at least 1 for each device, in the order given."""
    order, starts = _grouped(device)
    if len(starts) == len(at):
        return at
    place = _places(starts, len(at))
    flat = at[order] - place
    first = flat.min()
    # the running maximum of each device by itself: those of the next lie higher
    step = flat.max() - first + 1
    lift = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(at)])) * step
    grown = np.empty_like(at)
    grown[order] = np.maximum.accumulate(flat - first + lift) - lift + first + place
    return grown


def _grouped(device: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order by device, and where each device begins in it."""
    order = np.argsort(device, kind="stable")
    ordered = device[order]
    changes = np.ones(len(ordered), np.bool_)
    changes[1:] = ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(changes)


def _places(starts: NDArray[np.intp], size: int) -> NDArray[np.int64]:
    """Each entry's place within its group."""
    return np.arange(size) - np.repeat(starts, np.diff(np.r_[starts, size]))
