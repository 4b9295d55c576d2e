"""Whose clock is wrong: one device ahead is the device's, over half are the hub's."""

import numpy as np
from numpy.typing import NDArray

WINDOW_MS = 5 * 60_000
LEAST_DEVICES = 20
NEVER = -(2**62)


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
