"""The weather of a zone: one air temperature for all its assets."""

import numpy as np

from firmware_sim.rng import F64, RandomStream
from firmware_sim.world.step_time import STEP_H, StepTime

# °C by month: mean of a humid subtropical town
_MEAN = (7, 9, 13, 18, 23, 25, 27, 27, 23, 18, 13, 8)
_SWING = 5.0  # °C between the daily mean and the warmest hour
_KEEP = 0.97  # share of the deviation from the mean that is left after an hour
_SPREAD = 3.0  # sd of the deviation, °C


class Weather:
    """Air temperature by zone: a daily swing and an AR(1) deviation from it."""

    def __init__(self, zones: int, seed: int) -> None:
        self._stream = RandomStream(seed, "weather")
        self._deviation = _SPREAD * self._stream.normal(zones)

    def step(self, now: StepTime) -> F64:
        """Advance to `now` and return °C by zone."""
        keep = _KEEP**STEP_H
        fresh = self._stream.normal(len(self._deviation))
        self._deviation = keep * self._deviation
        self._deviation += _SPREAD * (1 - keep**2) ** 0.5 * fresh
        # two parabolas instead of a sine: no library function, so the same bytes
        phase = ((now.hour - 9) % 24) / 12
        up = phase < 1
        part = phase if up else phase - 1
        swing = 4 * part * (1 - part) * (1 if up else -1)
        return np.round(_MEAN[now.month - 1] + _SWING * swing + self._deviation, 2)


def indoor_celsius(outdoor: F64) -> F64:
    """Return the air temperature in toilets, °C, from that outdoors."""
    return outdoor * 0.5 + 10
