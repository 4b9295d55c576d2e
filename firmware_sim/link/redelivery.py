"""Deliveries that come once more: the acknowledgement of a QoS 1 message was lost.

By the law of Azure's telemetry simulator: once more with p, twice with p squared. The
bytes are the same to the last, and the broker flags them.
"""

from collections.abc import Iterator

import numpy as np

from firmware_sim.link.channel import DeliveredFrame
from firmware_sim.rng import RandomStream
from firmware_sim.scenario.settings import LinkSettings

WHY = "redelivered"
AFTER_MS = (1_000, 60_000)  # a connection is lost and made again


class Redelivery:
    """Draws beside the link: the link's own chances stay as they are."""

    def __init__(self, settings: LinkSettings, seed: int) -> None:
        self._share = settings.redelivered
        self._stream = RandomStream(seed, "again")

    def beside(self, carried: list[DeliveredFrame]) -> Iterator[DeliveredFrame]:
        """What comes once more of some deliveries."""
        if not self._share or not carried:
            return
        chance = self._stream.uniform(len(carried))
        for i in np.flatnonzero(chance < self._share).tolist():
            again, most = carried[i], self._share
            while chance[i] < most:
                wait = self._stream.between(*AFTER_MS, 1)[0]
                again = again._replace(at=again.at + int(wait), why=WHY)
                yield again
                most *= self._share
