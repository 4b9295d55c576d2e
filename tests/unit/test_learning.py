"""What a population teaches: its week, and how fast content settles."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sensorhub.estimate.learning import KEPT, FillStep, WeekSums
from sensorhub.estimate.usage import UsageProfiles, rough_week

MONDAY = 96.0  # local hours since 1970 at a Monday 0 h


F64 = NDArray[np.float64]


def steps(shape: F64, settling: float, weeks: int, noise: float) -> FillStep:
    """Hourly steps of many bins that fill by 24 % a day along `shape`."""
    rng = np.random.default_rng(5)
    hours = np.arange(weeks * 168)
    before: F64 = rng.uniform(5, 90, len(hours))
    came = shape[hours % 168]  # 24 % a day is 1 % an hour
    after: F64 = before * (1 - settling) + came + rng.normal(0, noise, len(hours))
    zero = np.zeros(len(hours), np.intp)
    begin = (MONDAY + hours).astype(np.float64)
    return FillStep(
        zero, zero, begin, begin + 1, before, after, np.full(len(hours), 24.0)
    )


def shopping_street() -> F64:
    hour = np.arange(168) % 24
    shape = np.where((hour > 9) & (hour < 20), 2.0, 0.2)
    shape[120:] *= 1.8  # weekend
    return shape / float(shape.mean())


def test_the_week_of_a_town_is_learnt() -> None:
    learnt, true = WeekSums(1, 1), shopping_street()
    learnt.add(steps(true, 0.0, 60, 1.5), UsageProfiles(1))
    week = learnt.weeks()[0][0]
    assert np.corrcoef(week, true)[0, 1] > 0.97
    assert np.abs(week / week.mean() - true).mean() < 0.25


def test_before_anything_is_seen_it_is_a_rough_day() -> None:
    week = WeekSums(1, 1).weeks()[0][0]
    assert week == pytest.approx(rough_week())


@pytest.mark.parametrize("settling", [0.0, 0.002, 0.004])
def test_settling_is_what_content_loses_by_night(settling: float) -> None:
    learnt = WeekSums(1, 1)
    learnt.add(steps(shopping_street(), settling, 120, 0.5), UsageProfiles(1))
    assert learnt.weeks()[1][0] == pytest.approx(settling, abs=0.0006)


def test_what_is_old_fades() -> None:
    learnt = WeekSums(2, 1)
    learnt.gained += 1
    learnt.fade(np.array([True, False]))
    assert learnt.gained[0, 0, 0] == KEPT
    assert learnt.gained[1, 0, 0] == 1


def test_a_step_of_many_hours_says_nothing() -> None:
    learnt = WeekSums(1, 1)
    one = steps(shopping_street(), 0, 1, 0).only(np.arange(168) == 0)
    learnt.add(one._replace(end=one.begin + 7), UsageProfiles(1))
    assert not learnt.gained.any()
