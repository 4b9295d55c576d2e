"""The hub's clock: the start of simulated time, and the settings in use."""

from typing import NamedTuple

from sensorhub.store import Connection
from sensorhub.store.hot.counters import get_meta, set_meta

CLOCK = "clock"  # key in `meta`


class Anchor(NamedTuple):
    """The beginning of simulated time in real and in hub time (ms)."""

    real: int
    hub: int


class ClockUsed(NamedTuple):
    """The settings of the clock that the newest hub ran by; start in hub ms."""

    start: int | None
    speed: float

    @property
    def simulated(self) -> bool:
        """Whether the hub runs in simulated time."""
        return self.start is not None or self.speed != 1.0


def anchor(
    connection: Connection, start: int | None, speed: float, real: int
) -> Anchor:
    """Return the start of simulated time; with new settings it starts now."""
    key = f"clock:{start}:{speed}"
    known = get_meta(connection, key)
    if known is not None:
        began, hub = known.split()
        return Anchor(int(began), int(hub))
    found = Anchor(real, real if start is None else start)
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        (key, f"{found.real} {found.hub}"),
    )
    return found


def remember_clock(connection: Connection, used: ClockUsed) -> None:
    """Store this hub's clock settings for other processes."""
    start = "" if used.start is None else used.start
    set_meta(connection, CLOCK, f"{start} {used.speed}")


def clock_used(connection: Connection) -> ClockUsed | None:
    """The clock settings of the last hub; None: no hub has run yet."""
    known = get_meta(connection, CLOCK)
    if known is None:
        return None
    start, _, speed = known.partition(" ")
    return ClockUsed(int(start) if start else None, float(speed))
