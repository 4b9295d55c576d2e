"""The only reader of the wall clock.

`Clock` gives the hub's time in epoch milliseconds. It never goes back within a run,
and runs at any speed from any start, so that demo and tests simulate a day in
seconds. Retries and socket timeouts use real time.
"""

import time
from collections.abc import Callable
from typing import Protocol


class Now(Protocol):
    """A source of the hub's time: epoch milliseconds, never going back."""

    def now(self) -> int:
        """Hub time in epoch milliseconds."""
        ...


class Clock:
    """Hub time: real by default, else simulated from `start` at `speed`.

    When the wall clock is set back, hub time runs at half speed until they meet.
    """

    def __init__(
        self,
        start_ms: int | None = None,
        speed: float = 1.0,
        *,
        wall: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.speed = speed
        self.simulated = start_ms is not None or speed != 1.0
        self._wall = wall
        self._monotonic = monotonic
        self._origin = monotonic()
        self._start = wall() // 1_000_000 if start_ms is None else start_ms
        self._last = 0
        self._seen = self._origin
        self._slow = 0

    def now(self) -> int:
        """Hub time in epoch milliseconds; never less than an earlier answer."""
        if self.simulated:
            real_ms = (self._monotonic() - self._origin) / 1e6
            moment = self._start + int(real_ms * self.speed)
            self._last = max(self._last, moment)
            return self._last
        elapsed = self._monotonic() - self._seen
        self._seen += elapsed
        wall = self._wall() // 1_000_000
        if wall >= self._last:
            self._last = wall
        else:  # the wall clock was set back: run at half speed until it catches up
            self._slow += elapsed // 2
            self._last += self._slow // 1_000_000
            self._slow %= 1_000_000
        return self._last


class HandClock:
    """A clock that a test or a backtest sets by hand."""

    def __init__(self, now_ms: int) -> None:
        self.time = now_ms

    def now(self) -> int:
        """Hub time in epoch milliseconds."""
        return self.time
