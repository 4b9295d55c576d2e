"""Whether time passed as it should: a stall is nobody's silence. Pure."""

STALL_S = 5.0


class StallDetector:
    """Watches a loop; `speed` is hub time over real time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._last = (0.0, 0)

    def kept(self, real_s: float, now: int) -> bool:
        """Whether the loop ran and hub time (ms) grew as expected since the last call.

        A stalled database or a stepped wall clock is time in which nobody was
        heard, and no device's silence.
        """
        (real_before, before), self._last = self._last, (real_s, now)
        if not before:
            return True
        passed = real_s - real_before
        stepped = now - before - passed * 1000 * self._speed
        return passed < STALL_S and stepped < STALL_S * 1000
