"""Holidays and weekends that are worked: how a day counts, in warp and learning."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.config.filling import HolidaySettings
from sensorhub.config.settings import Settings
from sensorhub.estimate.calendar import DayCalendar
from sensorhub.estimate.learning import FillStep, WeekSums
from sensorhub.estimate.usage import UsageProfiles
from tests.support.town import HOUR, SHIPPED, Town

EPOCH = date(1970, 1, 1).toordinal()
THURSDAY = date(2026, 10, 1).toordinal() - EPOCH
SUNDAY = 6
ONE = np.zeros(1, np.intp)
HOURS = st.floats(0, 24 * 30, allow_nan=False)


def usage(like: dict[int, int]) -> UsageProfiles:
    """A week of its own for each day: day d holds d + 1 parts, most at noon."""
    found = UsageProfiles(1, DayCalendar(like))
    day = np.repeat(np.arange(7) + 1.0, 24)
    hour = np.tile(1 + np.sin(np.pi * np.arange(24) / 24), 7)
    found.take((day * hour)[None], np.zeros(1))
    return found


def between(town: UsageProfiles, begin: float, end: float) -> float:
    """Warped days between local hours after Thursday 0 h."""
    start = 24.0 * THURSDAY
    last = town.warped(ONE, np.array([start + end]))
    return float((last - town.warped(ONE, np.array([start + begin])))[0])


@pytest.mark.parametrize("weekday", range(7))
def test_a_holiday_counts_like_the_day_that_it_is_like(weekday: int) -> None:
    town, usual = usage({THURSDAY: weekday}), usage({})
    that_day = 24.0 * (weekday - 3)  # from Thursday
    for begin, end in ((0, 24), (0, 7.5), (9, 17), (20.25, 24)):
        expected = between(usual, that_day + begin, that_day + end)
        assert between(town, begin, end) == pytest.approx(expected)
        assert between(town, 24 + begin, 24 + end) == pytest.approx(
            between(usual, 24 + begin, 24 + end)
        )


@given(st.lists(HOURS, min_size=2, max_size=6), st.sets(st.integers(-3, 20)))
def test_time_never_goes_back(hours: list[float], days: set[int]) -> None:
    town = usage({THURSDAY + day: SUNDAY for day in days})
    times = np.sort(np.array(hours)) + 24.0 * THURSDAY
    warped = town.warped(np.zeros(len(times), np.intp), times)
    assert (np.diff(warped) >= -1e-9).all()


def test_without_holidays_nothing_is_other_to_the_last_bit() -> None:
    hours = np.random.default_rng(1).uniform(4e5, 6e5, 1_000)
    many = np.zeros(1_000, np.intp)
    plain, far = usage({}), usage({10**6: SUNDAY})
    assert (plain.warped(many, hours) == far.warped(many, hours)).all()


def test_a_holiday_teaches_sundays_not_its_weekday() -> None:
    learnt = WeekSums(1, 1)
    begin = np.array([24.0 * THURSDAY + 12])
    levels = np.array([10.0]), np.array([12.0])
    learnt.add(
        FillStep(ONE, ONE, begin, begin + 1, *levels, np.array([24.0])), usage({})
    )
    assert np.flatnonzero(learnt.gained[0, 0]).tolist() == [3 * 24 + 12]
    learnt = WeekSums(1, 1)
    step = FillStep(ONE, ONE, begin, begin + 1, *levels, np.array([24.0]))
    learnt.add(step, usage({THURSDAY: SUNDAY}))
    assert np.flatnonzero(learnt.gained[0, 0]).tolist() == [SUNDAY * 24 + 12]


def test_days_are_read_as_single_ones_and_as_spans() -> None:
    told = HolidaySettings.model_validate(
        {
            "days": ["2026-10-01/2026-10-03", date(2027, 1, 1)],
            "workdays": ["2026-10-10"],
        }
    )
    like = told.like()
    days = [THURSDAY, THURSDAY + 1, THURSDAY + 2, date(2027, 1, 1).toordinal() - EPOCH]
    assert like == dict.fromkeys(days, SUNDAY) | {THURSDAY + 9: 2}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"days": ["soon"]}, "2026-10-01/2026-10-07"),
        ({"days": ["2026-10-07/2026-10-01"]}, "the last day"),
        ({"days": ["2026-01-01/2026-12-31"]}, "the last day"),
        ({"days": ["2026-10-01"], "workdays": ["2026-10-01"]}, "and a workday"),
    ],
)
def test_unsound_days_are_refused_in_words(told: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        HolidaySettings.model_validate(told)


def test_the_towns_own_midnight_begins_a_holiday(tmp_path: Path) -> None:
    """Shanghai is 8 h ahead; Sundays are taught to be the quietest by far."""
    settings = Settings.model_validate({"holidays": {"days": ["2026-10-01"]}})
    town = Town(tmp_path, SHIPPED, settings=settings)
    found = town.hub.session.state.levels
    shape = np.ones((6, 168))
    shape[:, 144:] = 0.1
    found.learning.usage.take(shape, np.zeros(6))
    midnight = 24 * THURSDAY * HOUR - 8 * HOUR  # UTC
    for after, quiet in ((-2, False), (1, True), (22, True), (25, False)):
        at = midnight + after * HOUR
        local = np.array([at, at + HOUR]) + 8 * HOUR
        warped = found.learning.usage.warped(np.zeros(2, np.intp), local / HOUR)
        assert (np.diff(warped)[0] < 0.01) == quiet
