"""How many days a battery has left."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from sensorhub.estimate.battery import DAY_MS, KNOWN, look, new_batteries

HOUR_MS = DAY_MS // 24
Level = Callable[[float], float]


def forecast(
    level: Level, days: int, *, volt: bool = False, seed: int = 1, noise: float = 0.0
) -> list[tuple[float, float]]:
    """(day, days left) where it is told; the battery is at `level(day)`."""
    table, chance, found = new_batteries(1), random.Random(seed), []
    for hour in range(0, days * 24, 4):
        day = hour / 24
        value = level(day) + chance.gauss(0, noise)
        value = round(value, 2) if volt else float(max(round(value), 0))
        at, row = np.array([hour * HOUR_MS]), np.array([0])
        (left,) = look(table, row, at, np.array([value]), volt).tolist()
        if not np.isnan(left):
            found.append((day, left))
    return found


@pytest.mark.parametrize("life", [60.0, 120.0, 300.0])
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_it_is_said_at_least_two_weeks_ahead_and_not_months(
    life: float, noise: float
) -> None:
    found = forecast(lambda day: 100 - 100 * day / life, int(life), noise=noise)
    low = [day for day, left in found if left <= 30]
    assert 14 <= life - low[0] <= 60


@pytest.mark.parametrize("seed", range(5))
def test_a_battery_that_lasts_for_years_is_not_low(seed: int) -> None:
    found = forecast(lambda day: 60 - 0.05 * day, 120, seed=seed, noise=0.7)
    assert min(left for _, left in found) > 45


def test_nothing_is_said_before_the_line_is_known() -> None:
    found = forecast(lambda day: 80 - 3 * day, 20)
    assert found[0][0] == pytest.approx(KNOWN, abs=1.1)


def test_what_is_nearly_empty_is_low_without_a_line() -> None:
    assert forecast(lambda _day: 12, 4)[0][1] == pytest.approx(24)


def test_a_new_battery_begins_anew() -> None:
    def level(day: float) -> float:
        return 100 - 2 * day if day < 45 else 100 - 0.05 * (day - 45)

    found = forecast(level, 100)
    assert any(left < 30 for day, left in found if day < 46)
    assert not any(left < 365 for day, left in found if day > 60)


def test_lithium_holds_its_voltage_until_the_knee() -> None:
    def level(day: float) -> float:
        return 3.6 - 0.0002 * day if day < 60 else 3.588 - 0.02 * (day - 60)

    found = forecast(level, 88, volt=True, noise=0.01)
    assert not [day for day, _ in found if day < 60]
    low = [day for day, left in found if left <= 30]
    assert low
    assert 89 - low[0] >= 14


def test_a_cold_night_is_no_knee() -> None:
    def level(day: float) -> float:
        return 3.6 - (0.25 if 40 < day < 42 else 0)

    found = forecast(level, 80, volt=True, noise=0.01)
    assert not [left for _, left in found if left <= 30]
