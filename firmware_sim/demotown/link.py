"""The radio link of the demo: losses, duplicates, receiving gateways.

About 2 % of the uplinks are lost and 1 % duplicated; about every 25 days a device is
offline for 4 to 10 hours.
"""

import uuid
from random import Random

from firmware_sim.clock import DAY, HOUR, SECOND

LOST = 0.02
DUPLICATED = 0.01
OUTAGE_EVERY = 25 * DAY


class DemoLink:
    """The radio link of one device."""

    def __init__(self, rng: Random, at: int) -> None:
        self._rng = rng
        self._outage_at = at + int(rng.expovariate(1 / OUTAGE_EVERY))
        self._back_at = at

    def passes(self, at: int) -> bool:
        """Return whether an uplink at `at` (epoch ms) arrives."""
        if at >= self._outage_at:
            self._back_at = self._outage_at + int(self._rng.uniform(4, 10) * HOUR)
            gap = int(self._rng.expovariate(1 / OUTAGE_EVERY))
            self._outage_at = self._back_at + gap
        return at >= self._back_at and self._rng.random() >= LOST

    def duplicate_delay(self) -> int:
        """Return the delay of a duplicate, ms; 0: no duplicate."""
        if self._rng.random() >= DUPLICATED:
            return 0
        return int(self._rng.uniform(1, 20) * SECOND)

    def gateways(self, known: tuple[str, ...]) -> tuple[tuple[str, int, float], ...]:
        """Return one or two of the `known` gateways with RSSI (dBm) and SNR (dB)."""
        rng = self._rng
        receivers = rng.sample(known, rng.choice((1, 1, 2)))
        return tuple(
            (name, rng.randint(-118, -60), round(rng.uniform(-8, 11), 1))
            for name in receivers
        )

    def uuid(self) -> str:
        """Return a seeded version 4 UUID."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
