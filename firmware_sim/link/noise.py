"""What comes beside a town's own frames: cut short, a neighbour's, left at the broker.

None of it is a reading of the town, and a hub must say of each what it is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.link.channel import DeliveredFrame
from firmware_sim.rng import RandomStream
from firmware_sim.scenario.settings import LinkSettings

DAY_MS = 86_400_000
LEFT_DAYS = (1, 60)  # ago


class ForeignMessage(NamedTuple):
    """An uplink that is none of the town's; `at` is when the broker has it.

    `why`: garbage (`missing`, a share of the frame's end, is not there), stranger
    (of a device that is in no register) or leftover (retained, of `missing` days ago).
    """

    at: int
    row: int
    why: str
    missing: float
    source: DeliveredFrame | None = None


class ForeignTraffic:
    """Draws beside the link: the link's own chances stay as they are."""

    def __init__(self, settings: LinkSettings, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "noise")

    def beside(self, carried: list[DeliveredFrame]) -> Iterator[ForeignMessage]:
        """What comes besides some deliveries, right after the one that it is like."""
        settings, n = self._settings, len(carried)
        share = settings.garbage + settings.strangers
        if not share or not n:
            return
        chance, missing = self._stream.uniform(n), self._stream.uniform(n)
        for i in np.flatnonzero(chance < share).tolist():
            why = "garbage" if chance[i] < settings.garbage else "stranger"
            like = carried[i]
            yield ForeignMessage(like.at, like.frame.row, why, float(missing[i]), like)

    def leftovers(self, devices: int, at: int) -> Iterator[ForeignMessage]:
        """What the broker keeps of some devices and gives a hub that subscribes."""
        mine = self._stream.happens(self._settings.leftovers, devices)
        days = self._stream.between(*LEFT_DAYS, devices)
        for row in np.flatnonzero(mine).tolist():
            yield ForeignMessage(at, row, "leftover", round(float(days[row]), 3))
