"""The radio link: what is lost, what comes twice, which gateways heard it.

About 2 % of the uplinks are lost and 1 % doubled; once in about 25 days a device is
silent for 4 to 10 hours (shares after the default world of the literature).
"""

import uuid
from random import Random

from firmware_sim.clock import DAY, HOUR, SECOND

LOST = 0.02
DOUBLED = 0.01
SILENT_EVERY = 25 * DAY


class DemoLink:
    """One device's way to the network."""

    def __init__(self, rng: Random, at: int) -> None:
        self._rng = rng
        self._silent_at = at + int(rng.expovariate(1 / SILENT_EVERY))
        self._back_at = at

    def passes(self, at: int) -> bool:
        """Whether an uplink at `at` arrives."""
        if at >= self._silent_at:
            self._back_at = self._silent_at + int(self._rng.uniform(4, 10) * HOUR)
            gap = int(self._rng.expovariate(1 / SILENT_EVERY))
            self._silent_at = self._back_at + gap
        return at >= self._back_at and self._rng.random() >= LOST

    def doubled(self) -> int:
        """Milliseconds after which the same uplink comes again; mostly 0: never."""
        if self._rng.random() >= DOUBLED:
            return 0
        return int(self._rng.uniform(1, 20) * SECOND)

    def gateways(self, known: tuple[str, ...]) -> tuple[tuple[str, int, float], ...]:
        """One or two of the `known` gateways with rssi dBm and snr dB."""
        rng = self._rng
        heard = rng.sample(known, rng.choice((1, 1, 2)))
        return tuple(
            (name, rng.randint(-118, -60), round(rng.uniform(-8, 11), 1))
            for name in heard
        )

    def uuid(self) -> str:
        """A seeded version 4 UUID."""
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
