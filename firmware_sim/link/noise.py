"""Messages at the broker that are no valid data of the town.

Truncated payloads, uplinks of unknown devices, and old retained messages. A hub must
classify each of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from firmware_sim.link.channel import DeliveredFrame
from firmware_sim.rng import RandomStream
from firmware_sim.scenario.settings import LinkSettings

DAY_MS = 86_400_000
LEFTOVER_DAYS = (1, 60)  # age of a retained message


class ForeignMessage(NamedTuple):
    """A message that is no valid data of the town; `at`: arrival in epoch ms.

    `reason`: garbage (a share `missing` of the end is cut off), stranger (from a device
    in no register) or leftover (retained, `missing` days old).
    """

    at: int
    row: int
    reason: str
    missing: float
    source: DeliveredFrame | None = None  # that the message is made from


class ForeignTraffic:
    """Draws foreign messages from a stream of its own: other draws stay the same."""

    def __init__(self, settings: LinkSettings, seed: int) -> None:
        self._settings = settings
        self._stream = RandomStream(seed, "noise")

    def messages_after(
        self, delivered: list[DeliveredFrame]
    ) -> Iterator[ForeignMessage]:
        """Yield garbage and strangers, each at the time of the delivery it copies."""
        settings, n = self._settings, len(delivered)
        share = settings.garbage + settings.strangers
        if not share or not n:
            return
        chance, missing = self._stream.uniform(n), self._stream.uniform(n)
        for i in np.flatnonzero(chance < share).tolist():
            reason = "garbage" if chance[i] < settings.garbage else "stranger"
            source = delivered[i]
            row, cut = source.frame.row, float(missing[i])
            yield ForeignMessage(source.at, row, reason, cut, source)

    def leftovers(self, devices: int, at: int) -> Iterator[ForeignMessage]:
        """Yield the retained messages for a hub that subscribes at `at` (epoch ms)."""
        chosen = self._stream.happens(self._settings.leftovers, devices)
        days = self._stream.between(*LEFTOVER_DAYS, devices)
        for row in np.flatnonzero(chosen).tolist():
            yield ForeignMessage(at, row, "leftover", round(float(days[row]), 3))
