"""The mean of a series over a window that ends with its newest sample."""

FINEST = 500  # steps of a window: two samples each bound memory and work


class Mean:
    """Samples of one window, joined by straight lines. Times in ms.

    Of samples closer together than a 500th of the window the last one counts.
    Known only once samples cover the whole window, none further apart than it is
    long: what nobody measured is no mean.
    """

    __slots__ = ("times", "values")

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []

    def add(self, at: int, value: float, window: int, longest: int) -> float | None:
        """Take a sample; the mean over `window`, None where it is not known.

        A pause longer than `longest`, or than the window, begins it anew.
        """
        if self.times and at - self.times[-1] > min(window, longest):
            self.clear()
        if len(self.times) > 1 and at - self.times[-2] < window / FINEST:
            self.times[-1], self.values[-1] = at, value
        else:
            self.times.append(at)
            self.values.append(value)
        start = at - window
        gone = 0  # one sample at or before the window's start is kept
        while gone + 1 < len(self.times) and self.times[gone + 1] <= start:
            gone += 1
        del self.times[:gone], self.values[:gone]
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
        """Begin anew."""
        self.times, self.values = [], []
