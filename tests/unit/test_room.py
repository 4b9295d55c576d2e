"""Room on the disk: full below the reserve, again empty a little above it."""

from pathlib import Path

from sensorhub.store.disk_space import LOOK_S, DiskSpace


class Disk:
    """A disk whose free space the test says."""

    def __init__(self, free: float, reserve: float) -> None:
        self.free, self.time, self.looks = free, 0.0, 0
        self.room = DiskSpace(
            Path(), reserve, free=self._look, moment=lambda: self.time
        )

    def _look(self, _folder: Path) -> float:
        self.looks += 1
        return self.free

    def full(self, free: float) -> bool:
        self.free = free
        self.time += LOOK_S
        return self.room.full()


def test_nothing_is_taken_below_the_reserve_until_there_is_somewhat_more() -> None:
    disk = Disk(500, reserve=200)
    found = [disk.full(free) for free in (500, 200, 199, 200, 205, 210, 200)]
    assert found == [False, False, True, True, True, False, False]
    assert disk.room.free_mb == 200


def test_the_disk_is_looked_at_twice_a_second() -> None:
    disk = Disk(500, reserve=200)
    for _ in range(100):
        disk.room.full()
    assert disk.looks == 1


def test_without_a_reserve_nobody_looks() -> None:
    disk = Disk(0, reserve=0)
    assert not disk.full(0)
    assert disk.looks == 0
