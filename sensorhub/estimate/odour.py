"""Odour baseline of a gas sensor: how far it smells above its own usual level.

The baseline is the 20th percentile of the device's last 7 days, unknown before
24 h. An electrochemical cell has a zero error of about 1 ppm that differs from
device to device; the rise over its own baseline does not carry it.
"""

from bisect import bisect_left, insort
from collections import deque

WINDOW_MS = 7 * 86_400_000
KNOWN_AFTER_MS = 86_400_000
PERCENTILE = 0.2
STEP_MS = WINDOW_MS // 1008  # one sample in ten minutes at most


class Baseline:
    """Samples of one gas series over the window, in order and sorted."""

    __slots__ = ("_last", "_samples", "_sorted")

    def __init__(
        self, samples: list[tuple[int, float]] | None = None, last: int = -(2**62)
    ) -> None:
        self._last = last
        self._samples: deque[tuple[int, float]] = deque(samples or ())
        self._sorted = sorted(value for _, value in self._samples)

    def dump(self) -> tuple[list[tuple[int, float]], int]:
        """What a checkpoint keeps: the arguments to make it anew."""
        return list(self._samples), self._last

    def add(self, at: int, value: float) -> float | None:
        """Take a sample (ms, ppm); answers the rise over the baseline, ppm.

        None where the baseline is unknown or the sample is not newer.
        """
        if at <= self._last:
            return None
        self._last = at
        if not self._samples or at - self._samples[-1][0] >= STEP_MS:
            self._samples.append((at, value))
            insort(self._sorted, value)
            self._forget(at - WINDOW_MS)
        if at - self._samples[0][0] < KNOWN_AFTER_MS:
            return None
        return value - self._sorted[int(PERCENTILE * (len(self._sorted) - 1))]

    def _forget(self, before: int) -> None:
        while self._samples[0][0] < before:
            _, value = self._samples.popleft()
            del self._sorted[bisect_left(self._sorted, value)]
