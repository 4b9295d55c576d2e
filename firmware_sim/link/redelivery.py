"""Redelivered messages: the acknowledgement of a QoS 1 message was lost.

The law is that of Azure's telemetry simulator: one more with probability p, two more
with p squared. The bytes are identical, and the broker sets the DUP flag.
"""

from collections.abc import Iterator

import numpy as np

from firmware_sim.link.channel import DeliveredFrame
from firmware_sim.rng import RandomStream
from firmware_sim.scenario.settings import LinkSettings

REDELIVERED = "redelivered"
RECONNECT_MS = (1_000, 60_000)


class Redelivery:
    """Draws redeliveries from a stream of its own: other draws stay the same."""

    def __init__(self, settings: LinkSettings, seed: int) -> None:
        self._share = settings.redelivered
        self._stream = RandomStream(seed, "again")

    def copies_of(self, delivered: list[DeliveredFrame]) -> Iterator[DeliveredFrame]:
        """Yield the redelivered copies of some deliveries."""
        if not self._share or not delivered:
            return
        chance = self._stream.uniform(len(delivered))
        for i in np.flatnonzero(chance < self._share).tolist():
            again, most = delivered[i], self._share
            while chance[i] < most:
                wait = self._stream.between(*RECONNECT_MS, 1)[0]
                again = again._replace(at=again.at + int(wait), reason=REDELIVERED)
                yield again
                most *= self._share
