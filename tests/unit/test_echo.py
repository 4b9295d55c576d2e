"""Which readings of a sensor are to be trusted less, by its own habits."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.estimate.echo import FRESH_MS, HOUR_MS, SPEC, look, new_echoes
from sensorhub.estimate.tables import DeviceTable
from sensorhub.model import Reason

ONE = np.array([0])


class Sensor:
    """A level sensor that tells % each hour."""

    def __init__(self, *, level: bool = True) -> None:
        self.table = new_echoes(1)
        self.at = 0
        self._level = np.array([level])

    def tell(self, value: float, after: int = HOUR_MS) -> tuple[Reason, float, float]:
        self.at += after
        at, near = np.array([self.at]), np.array([float(value)])
        said = look(self.table, ONE, at, near, self._level)
        return (
            Reason(int(said.quality_reason[0])),
            float(said.stuck_h[0]),
            float(said.bad[0]),
        )

    def live(self, days: int, seed: int = 1, noise: float = 1.0) -> None:
        """An ordinary life: filled by day, still at night, emptied when full."""
        chance, fill = random.Random(seed), 5.0
        for hour in range(days * 24):
            if 7 <= hour % 24 < 22:
                fill += chance.expovariate(1 / 2)
            if fill > 90:
                fill = 3.0
            self.tell(round(fill + chance.gauss(0, noise)))


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_a_sensor_that_repeats_itself_longer_than_ever_is_stuck(noise: float) -> None:
    sensor = Sensor()
    sensor.live(20, noise=noise)
    said = [sensor.tell(44) for _ in range(30)]
    found = [n for n, (reason, _, _) in enumerate(said) if reason is Reason.STUCK]
    assert found == list(range(found[0], 30))
    assert found[0] <= 24
    assert said[-1][1] == pytest.approx(29, abs=1.01)
    assert sensor.tell(46)[:2] == (Reason.NONE, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_an_ordinary_life_is_never_stuck(seed: int) -> None:
    sensor = Sensor()
    stuck = 0
    chance, fill = random.Random(seed), 5.0
    for hour in range(60 * 24):
        if 7 <= hour % 24 < 22:
            fill += chance.expovariate(1 / 2)
        if fill > 90:
            fill = 3.0
        stuck += sensor.tell(round(fill + chance.gauss(0, 0.4)))[1] > 0
    assert stuck == 0


def test_at_its_ends_a_sensor_repeats_itself_for_good_reason() -> None:
    sensor = Sensor()
    sensor.live(10)
    said = [sensor.tell(100) for _ in range(40)]
    assert {reason for reason, _, _ in said[5:]} == {Reason.BLIND_ZONE}
    assert not any(hours for _, hours, _ in said)


def test_a_gas_cell_at_the_end_of_its_scale_is_saturated() -> None:
    cell = Sensor(level=False)
    for n in range(30):
        cell.tell(1 + n % 7)
    assert [cell.tell(50)[0] for _ in range(4)][2:] == [Reason.SATURATED] * 2


def test_a_leap_up_is_suspect_until_the_next_reading_says_so_too() -> None:
    sensor = Sensor()
    sensor.live(10)
    for value in (20, 21, 21, 22):
        sensor.tell(value)
    assert sensor.tell(80)[0] is Reason.JUMP
    bad = sensor.tell(23)[2]
    assert bad > 0
    assert sensor.tell(80)[0] is Reason.JUMP
    reason, jump, left = sensor.tell(81)
    assert (reason, jump) == (Reason.NONE, 0.0)
    assert left == pytest.approx(bad * 0.95**2, rel=0.01)


def test_after_a_silence_a_leap_is_no_news() -> None:
    sensor = Sensor()
    sensor.live(10)
    for value in (20, 21, 21):
        sensor.tell(value)
    assert sensor.tell(80, FRESH_MS + 1)[0] is Reason.NONE


def test_a_level_that_is_suddenly_gone_and_comes_back_was_no_echo() -> None:
    sensor = Sensor()
    sensor.live(10)
    for value in (60, 61, 61):
        sensor.tell(value)
    assert sensor.tell(0)[0] is Reason.NO_ECHO
    assert sensor.tell(62)[2] > 0  # and no leap
    assert sensor.tell(62)[0] is Reason.NONE


def test_what_leaps_up_and_stands_still_there_is_an_obstacle() -> None:
    sensor = Sensor()
    sensor.live(10)
    for value in (10, 11, 11):
        sensor.tell(value)
    said = [sensor.tell(85)[0] for _ in range(6)]
    assert said == [Reason.JUMP, Reason.NONE, *[Reason.OBSTRUCTED] * 4]
    assert sensor.tell(12)[0] is Reason.NONE


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=120))
def test_written_down_and_taken_up_again_it_goes_on_alike(
    told: list[tuple[int, int]],
) -> None:
    one, other = new_echoes(4), new_echoes(4)
    for n, (row, value) in enumerate(told):
        rows, at = np.array([row]), np.array([n * HOUR_MS])
        near, level = np.array([float(value)]), np.array([True])
        said = look(one, rows, at, near, level)
        again = DeviceTable(SPEC, 4)
        again.load(0, other.dump(0, 2))
        again.load(2, other.dump(2, 4))
        other = again
        found = look(other, rows, at, near, level)
        assert [a.tolist() for a in said] == [b.tolist() for b in found]
    assert one.dump(0, 4) == other.dump(0, 4)
