"""The rate of uplinks over a sliding window."""


class RateMeter:
    """Uplinks per real second over the last few seconds."""

    def __init__(self, window_s: float = 4.0) -> None:
        self._window_s = window_s
        self._points: list[tuple[float, int]] = []

    def rate(self, count: int, now: float) -> float:
        """Add the count at `now` (monotonic seconds) and return the rate per second."""
        recent = [p for p in self._points if p[0] >= now - self._window_s]
        self._points = [*recent, (now, count)]
        since, first = self._points[0]
        return (count - first) / (now - since) if now > since else 0.0

    def count(self, moment: float, latest: int) -> int:
        """Return the first count at or after `moment`; `latest` if there is none."""
        return next((n for at, n in self._points if at >= moment), latest)
