"""How many uplinks were sent lately, and how fast. Pure."""


class RateMeter:
    """Uplinks per real second over the last few seconds."""

    def __init__(self, window_s: float = 4.0) -> None:
        self._window_s = window_s
        self._points: list[tuple[float, int]] = []

    def rate(self, count: int, now: float) -> float:
        """The rate, given the count at `now` (monotonic seconds)."""
        recent = [p for p in self._points if p[0] >= now - self._window_s]
        self._points = [*recent, (now, count)]
        since, first = self._points[0]
        return (count - first) / (now - since) if now > since else 0.0

    def count(self, moment: float, latest: int) -> int:
        """The count when it was first read at or after `moment`, else `latest`."""
        return next((n for at, n in self._points if at >= moment), latest)
