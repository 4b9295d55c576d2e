"""Whose clock is wrong: one device ahead is the device's, over half are the hub's."""

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sensorhub.model import NEVER

WINDOW_MS = 5 * 60_000
LEAST_DEVICES = 20
NOBODY = np.empty(0, np.int32)
NO_TIMES = np.empty(0, np.int64)
NO_MARKS = np.empty(0, np.bool_)


class Ahead:
    """Which devices, when last heard with a time of their own, were ahead of the hub.

    Forgotten at a restart: five minutes of uplinks tell it again.
    """

    def __init__(self, devices: int) -> None:
        self._said_at = np.full(devices, NEVER, np.int64)
        self._ahead = np.zeros(devices, np.bool_)

    def note(
        self,
        device: NDArray[np.int32],
        received_at: NDArray[np.int64],
        ahead: NDArray[np.bool_],
    ) -> None:
        """Take uplinks that carry a time: device numbers, ms, whether ahead."""
        self._said_at[device] = received_at
        self._ahead[device] = ahead

    def suspects(self, now: int) -> int | None:
        """How many devices are ahead, if over half are; else 0; None: too few spoke."""
        recent = self._said_at > now - WINDOW_MS
        spoke = int(recent.sum())
        if spoke < LEAST_DEVICES:
            return None
        ahead = int((recent & self._ahead).sum())
        return ahead if 2 * ahead > spoke else 0

    def turns_at(
        self,
        now: int,
        fires: bool,
        device: NDArray[np.int32] = NOBODY,
        received_at: NDArray[np.int64] = NO_TIMES,
        ahead: NDArray[np.bool_] = NO_MARKS,
    ) -> int | None:
        """When (ms, after `now`) the verdict will differ from `fires`; None: not yet.

        The arrays are uplinks to come, as for `note`, in the order received.
        """
        known = np.flatnonzero(self._said_at > now - WINDOW_MS)
        if not fires and 2 * (self._ahead[known].sum() + ahead.sum()) <= LEAST_DEVICES:
            return None
        known = known[np.argsort(self._said_at[known], kind="stable")]
        heard = _Heard()
        for number in known.tolist():
            heard.add(number, int(self._said_at[number]), bool(self._ahead[number]))
        if heard.verdict(fires) != fires:
            return now + 1
        for number, at, mark in zip(
            device.tolist(), received_at.tolist(), ahead.tolist(), strict=True
        ):
            for gone in heard.leave(at):
                if heard.verdict(fires) != fires:
                    return max(gone, now + 1)
            heard.add(number, at, mark)
            if heard.verdict(fires) != fires:
                return int(at)
        for gone in heard.leave(None):
            if heard.verdict(fires) != fires:
                return max(gone, now + 1)
        return None


class _Heard:
    """Who was heard within the window, uplink by uplink."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, bool]] = {}
        self._queue: deque[tuple[int, int]] = deque()
        self._ahead = 0

    def add(self, device: int, at: int, ahead: bool) -> None:
        self._forget(device)
        self._last[device] = at, ahead
        self._ahead += ahead
        self._queue.append((at, device))

    def _forget(self, device: int) -> None:
        self._ahead -= self._last.pop(device, (0, False))[1]

    def leave(self, until: int | None) -> Iterator[int]:
        """Let devices leave the window, until a time; the times at which one did."""
        while self._queue:
            at, device = self._queue[0]
            if until is not None and at + WINDOW_MS > until:
                return
            self._queue.popleft()
            if self._last.get(device, (None,))[0] == at:
                self._forget(device)
                yield at + WINDOW_MS

    def verdict(self, before: bool) -> bool:
        """Whether over half are ahead; as before where too few spoke."""
        if len(self._last) < LEAST_DEVICES:
            return before
        return 2 * self._ahead > len(self._last)
