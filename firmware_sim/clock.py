"""Simulated time in epoch milliseconds: from `start` on, at `speed` times real time.

Only this module reads a clock; others get the time as an argument.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class SimClock:
    """A clock that begins at `start` (epoch ms) and runs at `speed` times real time."""

    def __init__(self, start: int, speed: float = 1.0) -> None:
        self.start = start
        self.speed = speed
        self._origin = time.monotonic_ns()

    def now(self) -> int:
        """Return the simulated time, epoch ms."""
        real_ms = (time.monotonic_ns() - self._origin) / 1e6
        return self.start + int(real_ms * self.speed)

    def reach(self, at: int) -> None:
        """Advance the clock to simulated `at` (epoch ms) if that is later."""
        self.start += max(at - self.now(), 0)

    def real_s(self, at: int) -> float:
        """Return real seconds until simulated `at` (epoch ms); negative if past."""
        return (at - self.now()) / 1e3 / self.speed


def wall_ms() -> int:
    """Return the real time, epoch ms."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the simulator's only reader


def parse_time(text: str) -> int:
    """Parse RFC 3339 with an offset; return epoch ms. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(
            f"{text!r} has no offset; write e.g. 2026-06-01T07:00:00+08:00"
        )
    return round(moment.timestamp() * 1000)


def rfc3339(at: int) -> str:
    """Format epoch ms as RFC 3339 in UTC with Z and milliseconds."""
    day, ms = divmod(at, DAY)
    minutes, ms = divmod(ms, MINUTE)
    seconds, ms = divmod(ms, SECOND)
    hours, minutes = divmod(minutes, 60)
    return f"{_date(day)}T{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}Z"


@lru_cache(4_096)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
