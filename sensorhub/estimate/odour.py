"""Odour baseline of a gas sensor: how far it smells above its own usual level.

The baseline is the 20th percentile of the device's last 7 days, unknown before
24 h. An electrochemical cell has a zero error of about 1 ppm that differs from
device to device; the rise over its own baseline does not carry it.
"""

from array import array
from bisect import bisect_left

WINDOW_MS = 7 * 86_400_000
KNOWN_AFTER_MS = 86_400_000
PERCENTILE = 0.2
STEP_MS = WINDOW_MS // 1008  # one sample in ten minutes at most


class Baseline:
    """Samples of one gas series over the window, in order and sorted.

    Compact arrays: a thousand samples take about 20 kB.
    """

    __slots__ = ("_at", "_last", "_sorted", "_value")

    def __init__(
        self, at: bytes = b"", value: bytes = b"", last: int = -(2**62)
    ) -> None:
        self._last = last
        self._at = array("q", at)
        self._value = array("d", value)
        self._sorted = array("d", sorted(self._value))

    def dump(self) -> tuple[bytes, bytes, int]:
        """What a checkpoint keeps: the arguments to make it anew."""
        return self._at.tobytes(), self._value.tobytes(), self._last

    def add(self, at: int, value: float) -> float | None:
        """Take a sample (ms, ppm); answers the rise over the baseline, ppm.

        None where the baseline is unknown or the sample is not newer.
        """
        if at <= self._last:
            return None
        self._last = at
        if not self._at or at - self._at[-1] >= STEP_MS:
            self._at.append(at)
            self._value.append(value)
            self._sorted.insert(bisect_left(self._sorted, value), value)
            self._forget(at - WINDOW_MS)
        if at - self._at[0] < KNOWN_AFTER_MS:
            return None
        return value - self._sorted[int(PERCENTILE * (len(self._sorted) - 1))]

    def _forget(self, before: int) -> None:
        gone = bisect_left(self._at, before)
        for value in self._value[:gone]:
            self._sorted.pop(bisect_left(self._sorted, value))
        del self._at[:gone], self._value[:gone]
