"""The mean of a series over a window that ends with its newest sample."""

STEPS = 500  # of a window: two samples each bound memory and work


class RollingMean:
    """Samples of one window, joined by straight lines. Times in ms.

    Of samples closer together than a 500th of the window the last one counts.
    The mean is known once samples cover the whole window, with no gap longer than it:
    time without samples is not interpolated.
    """

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []

    def add(self, at: int, value: float, window: int, longest: int) -> float | None:
        """Add a sample; return the mean over `window`, None while it is not known.

        A gap longer than `longest`, or than the window, begins it anew.
        """
        if self.times and at - self.times[-1] > min(window, longest):
            self.clear()
        if len(self.times) > 1 and at - self.times[-2] < window / STEPS:
            self.times[-1], self.values[-1] = at, value
        else:
            self.times.append(at)
            self.values.append(value)
        start = at - window
        old = 0  # one sample at or before the window's start is kept
        while old + 1 < len(self.times) and self.times[old + 1] <= start:
            old += 1
        del self.times[:old], self.values[:old]
        return self._mean(start, window) if self.times[0] <= start else None

    def _mean(self, start: int, window: int) -> float:
        area = 0.0
        for n in range(1, len(self.times)):
            left, right = self.times[n - 1], self.times[n]
            first, last = self.values[n - 1], self.values[n]
            if left < start:
                first += (last - first) * (start - left) / (right - left)
                left = start
            area += (first + last) / 2 * (right - left)
        return area / window

    def clear(self) -> None:
        """Forget all samples."""
        self.times, self.values = [], []
