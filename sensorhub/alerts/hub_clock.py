"""Whose clock is wrong: one device ahead of the hub is the device's fault.

Where more than half of the devices are ahead, the hub's own clock is suspect.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensorhub.model import NEVER

WINDOW_MS = 5 * 60_000
LEAST_DEVICES = 20
NO_DEVICES = np.empty(0, np.int32)
NO_TIMES = np.empty(0, np.int64)
NO_MARKS = np.empty(0, np.bool_)


class HubClockCheck:
    """Which devices were ahead of the hub's clock at their last uplink with a time.

    Kept in memory only: five minutes of uplinks after a restart rebuild it.
    """

    def __init__(self, devices: int) -> None:
        self._last_at = np.full(devices, NEVER, np.int64)
        self._ahead = np.zeros(devices, np.bool_)

    def record(
        self,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
        ahead: NDArray[np.bool_],
    ) -> None:
        """Record uplinks with a device time: device numbers, ms, whether ahead."""
        self._last_at[device] = received_at
        self._ahead[device] = ahead

    def count_ahead(self, now: int) -> int | None:
        """Return how many devices are ahead if more than half are, else 0.

        None: fewer than LEAST_DEVICES sent an uplink within the window.
        """
        recent = self._last_at > now - WINDOW_MS
        heard = int(recent.sum())
        if heard < LEAST_DEVICES:
            return None
        ahead = int((recent & self._ahead).sum())
        return ahead if 2 * ahead > heard else 0

    def changes_at(
        self,
        now: int,
        fires: bool,
        device: NDArray[np.int32] = NO_DEVICES,
        received_at: NDArray[np.int64] = NO_TIMES,
        ahead: NDArray[np.bool_] = NO_MARKS,
    ) -> int | None:
        """Return when (ms, after `now`) the verdict will differ from `fires`.

        None: it will not. The arrays are uplinks to come, as for `record`, in the
        order in which they are received.
        """
        known = np.flatnonzero(self._last_at > now - WINDOW_MS)
        if not fires and 2 * (self._ahead[known].sum() + ahead.sum()) <= LEAST_DEVICES:
            return None
        known = known[np.argsort(self._last_at[known], kind="stable")]
        recent = _RecentDevices()
        for number in known.tolist():
            recent.add(number, int(self._last_at[number]), bool(self._ahead[number]))
        if recent.verdict(fires) != fires:
            return now + 1
        for number, at, mark in zip(
            device.tolist(), received_at.tolist(), ahead.tolist(), strict=True
        ):
            for left_at in recent.expire(at):
                if recent.verdict(fires) != fires:
                    return max(left_at, now + 1)
            recent.add(number, at, mark)
            if recent.verdict(fires) != fires:
                return int(at)
        for left_at in recent.expire(None):
            if recent.verdict(fires) != fires:
                return max(left_at, now + 1)
        return None


class _RecentDevices:
    """The devices of which an uplink lies within the window, uplink by uplink."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, bool]] = {}
        self._queue: deque[tuple[int, int]] = deque()
        self._ahead = 0

    def add(self, device: int, at: int, ahead: bool) -> None:
        """Add the newest uplink of a device."""
        self._remove(device)
        self._last[device] = at, ahead
        self._ahead += ahead
        self._queue.append((at, device))

    def _remove(self, device: int) -> None:
        self._ahead -= self._last.pop(device, (0, False))[1]

    def expire(self, until: int | None) -> Iterator[int]:
        """Remove devices that leave the window until a time; yield when each does."""
        while self._queue:
            at, device = self._queue[0]
            if until is not None and at + WINDOW_MS > until:
                return
            self._queue.popleft()
            if self._last.get(device, (None,))[0] == at:
                self._remove(device)
                yield at + WINDOW_MS

    def verdict(self, before: bool) -> bool:
        """Whether more than half are ahead; as before where too few were heard."""
        if len(self._last) < LEAST_DEVICES:
            return before
        return 2 * self._ahead > len(self._last)
