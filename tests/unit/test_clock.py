"""Hub time: never back, never frozen, simulated at will."""

from sensorhub.clock import Clock

SECOND = 1_000_000_000


class Hands:
    """A wall clock and a monotonic one that tests turn."""

    def __init__(self) -> None:
        self.wall = 1_000 * SECOND
        self.monotonic = 5 * SECOND

    def clock(self, **keys: float) -> Clock:
        return Clock(**keys, wall=lambda: self.wall, monotonic=lambda: self.monotonic)  # type: ignore[arg-type]

    def turn(self, seconds: int, *, step: int = 0) -> None:
        self.monotonic += seconds * SECOND
        self.wall += (seconds + step) * SECOND


def test_it_is_the_wall_clock() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == 1_000_000
    hands.turn(7)
    assert clock.now() == 1_007_000


def test_a_wall_clock_set_back_slows_it_until_they_meet() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == 1_000_000
    hands.turn(10, step=-300)
    assert clock.now() == 1_005_000
    hands.turn(100)
    assert clock.now() == 1_055_000
    hands.turn(900)
    assert clock.now() == hands.wall // 1_000_000


def test_simulated_time_runs_from_its_start_at_its_speed() -> None:
    hands = Hands()
    clock = hands.clock(start_ms=42_000, speed=600.0)
    hands.turn(2, step=-500)
    assert clock.now() == 42_000 + 2 * 600_000
