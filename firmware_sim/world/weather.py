"""The weather of a zone: a temperature that its assets share."""

import numpy as np

from firmware_sim.rng import F64, RandomStream
from firmware_sim.world.step_time import STEP_H, StepTime

# °C by month: mean of a humid subtropical town
_MEAN = (7, 9, 13, 18, 23, 25, 27, 27, 23, 18, 13, 8)
_SWING = 5.0  # °C between the daily mean and the warmest hour
_KEEP = 0.97  # of an hour's departure from the mean after another hour
_SPREAD = 3.0  # sd of the departure, °C


class Weather:
    """Air temperature by zone, a day's swing and an AR(1) departure from it."""

    def __init__(self, zones: int, seed: int) -> None:
        self._stream = RandomStream(seed, "weather")
        self._departure = _SPREAD * self._stream.normal(zones)

    def step(self, now: StepTime) -> F64:
        """°C by zone."""
        keep = _KEEP**STEP_H
        fresh = self._stream.normal(len(self._departure))
        self._departure = keep * self._departure
        self._departure += _SPREAD * (1 - keep**2) ** 0.5 * fresh
        # a day as two parabolas instead of a sine: no library function, same bytes
        phase = ((now.hour - 9) % 24) / 12
        up = phase < 1
        part = phase if up else phase - 1
        swing = 4 * part * (1 - part) * (1 if up else -1)
        return np.round(_MEAN[now.month - 1] + _SWING * swing + self._departure, 2)
