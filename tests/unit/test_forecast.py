"""Chances and hours: what is due, and when it is full."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.estimate.forecast import (
    FillGrowth,
    ForecastHorizon,
    ForecastHorizons,
    chances,
)
from sensorhub.estimate.law import Law
from sensorhub.estimate.normal import density, tail
from sensorhub.estimate.plan import RoundPlans
from sensorhub.estimate.usage import UsageProfiles
from tests.support.bins import Bin, town


@given(st.floats(-8, 8))
def test_the_normal_tail_is_that_of_the_error_function(z: float) -> None:
    assert tail(np.array([z]))[0] == pytest.approx(
        0.5 * math.erfc(z / math.sqrt(2)), abs=2e-7
    )


def test_the_normal_density() -> None:
    found = density(np.array([1.0]), np.array([4.0]))[0]
    assert found == pytest.approx(math.exp(-1 / 8) / math.sqrt(8 * math.pi))


@pytest.mark.parametrize(
    ("levels", "due"),
    [
        ([30 + 0.2 * n for n in range(24)], (0, 0.05)),  # 5 % a day at 35 %
        ([55 + 0.2 * n for n in range(24)], (0, 0.4)),
        ([80 + 0.2 * n for n in range(24)], (0.95, 1)),  # 70 % and more is due
        ([5 + 2.5 * n for n in range(24)], (0.6, 0.9)),  # 62 %, about a day's worth
        ([5 + 5 * n for n in range(12)], (0.95, 1)),  # 60 %, full by night
    ],
)
def test_due_is_seventy_percent_or_full_within_a_day(
    levels: list[float], due: tuple[float, float]
) -> None:
    low, high = due
    days = 96 // len(levels)
    assert low <= Bin().read(*levels * days).due <= high


@pytest.mark.parametrize(
    ("levels", "due"),
    [([5 + 5 * n for n in range(12)], (0, 0.1)), ([60, 70, 75, 80, 90], (0.95, 1))],
)
def test_before_its_habit_is_known_a_bin_is_due_only_by_what_is_in_it(
    levels: list[float], due: tuple[float, float]
) -> None:
    low, high = due
    assert low <= Bin().read(*levels).due <= high


@pytest.mark.parametrize(
    ("round_at", "due"),
    [
        (8.0, (0, 0.3)),  # somebody comes in three hours
        (20.0, (0.95, 1)),  # it will be full before
    ],
)
def test_below_forty_percent_only_what_is_full_before_the_round_is_due(
    round_at: float, due: tuple[float, float]
) -> None:
    """It fills within 12 hours, day and night."""
    days = tuple(24.0 * day + round_at for day in range(7))
    one = Bin(town(rounds=days)).read(*[3 + 8 * n for n in range(12)] * 8)
    one.read(*(3 + 8 * n for n in range(5)))
    assert one.fill < 40
    low, high = due
    assert low <= one.due <= high


@pytest.mark.parametrize(
    ("level", "due", "overfull"),
    [(69.5, 0, 0), (70.5, 1, 0), (99.5, 1, 0), (100.5, 1, 1)],
)
def test_a_bin_known_for_sure_is_due_from_70_and_overfull_from_100(
    level: float, due: float, overfull: float
) -> None:
    one, day = np.ones(1), ForecastHorizon(np.array([24.0]), np.ones(1))
    law = Law(*town().laws[:, :1])
    state = {"f": level * one, "ff": 1e-4 * one, "odds": np.nan * one}
    state |= {
        "gained": 1e9 * one,
        "days": 9 * one,
        "rough": law.rough,
        "unconfirmed": 0 * one,
    }  # well known
    nothing = FillGrowth(1e-9 * one, one)  # comes, in a day
    to = ForecastHorizons(day, day, day)
    found = chances(state, law, 0 * one, nothing, to, trust=one)
    assert found.due[0] == pytest.approx(due, abs=1e-6)
    assert found.overfull[0] == pytest.approx(overfull, abs=1e-6)


def test_a_round_that_comes_soon_leaves_less_time_to_fill() -> None:
    levels = [70 + n for n in range(20)]
    soon, late = (
        Bin(town(rounds=(hour,))).read(*levels).found[-1].chances.before_round[0]
        for hour in (21.0, 40.0)
    )
    assert soon < 0.1
    assert late > 0.6


def test_soon_is_full_now_or_within_two_hours_and_before_the_round() -> None:
    levels = [66 + 2 * n for n in range(16)]  # two hours from full at 16 h
    in_time = Bin(town(rounds=(16.2,))).read(*levels).found[-1].chances
    later = Bin(town(rounds=(40.0,))).read(*levels).found[-1].chances
    full = Bin(town(rounds=(16.2,))).read(*levels, *[103] * 9).found[-1].chances
    assert in_time.soon[0] < later.soon[0] < later.before_round[0]
    assert later.before_round[0] > 0.9
    assert full.soon[0] > full.overfull[0] > 0.5


@given(st.floats(5, 90), st.floats(0.05, 4))
def test_the_hours_of_a_band_are_in_order(start: float, an_hour: float) -> None:
    one = Bin().read(*(min(start + an_hour * n, 100) for n in range(12)))
    low, middle, high = (float(hours[0]) for hours in one.ahead.hours)
    for sooner, later in ((low, middle), (middle, high)):
        assert math.isnan(later) or sooner <= later


def test_hours_to_full_are_those_of_the_rate() -> None:
    one = Bin().read(*(20 + 1.0 * n for n in range(48)))
    assert one.ahead.hours[1][0] == pytest.approx(100 - 67, abs=4)


@given(st.floats(0, 5_000), st.integers(0, 100))
def test_a_week_is_seven_warped_days_wherever_it_begins(hour: float, seed: int) -> None:
    usage = UsageProfiles(1)
    shape = np.random.default_rng(seed).uniform(0.05, 3, (1, 168))
    usage.take(shape, np.zeros(1))
    nobody = np.zeros(1, np.intp)
    days = usage.warped(nobody, np.array([hour]))
    later = usage.warped(nobody, np.array([hour + 168]))
    assert (later - days)[0] == pytest.approx(7)


@pytest.mark.parametrize(
    ("hour", "next_in", "last_ago"),
    [(0, 7, 89), (7, 72, 0), (8, 71, 1), (79, 96, 0), (167, 8, 88)],
)
def test_rounds_on_monday_and_thursday_at_seven(
    hour: float, next_in: float, last_ago: float
) -> None:
    plans = RoundPlans([[7, 79]])
    local = np.array([hour + 96.0])  # 1970-01-05 was a Monday
    mine, none = np.array([1]), np.array([0])
    assert plans.next_in(mine, local)[0] == pytest.approx(next_in)
    assert plans.last_ago(mine, local)[0] == pytest.approx(last_ago)
    assert plans.next_in(none, local)[0] == plans.last_ago(none, local)[0] == np.inf
