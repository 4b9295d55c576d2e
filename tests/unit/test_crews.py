"""When crews come, learnt from the brackets of emptyings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.estimate.crews import CrewHourSums, EmptyingBrackets
from sensorhub.estimate.hours import CrewHours
from sensorhub.estimate.learning import KEPT
from sensorhub.estimate.plan import RoundPlans
from sensorhub.estimate.waits import CrewGroups, until_visit

MIDNIGHT = 24.0 * 20_000  # local hours since 1970


def brackets(hour: float, count: int) -> EmptyingBrackets:
    """Emptyings at one hour of the day, seen by reports every 2 to 6 h."""
    rng = np.random.default_rng(3)
    length = rng.uniform(2, 6, count)
    at = MIDNIGHT + 24 * np.arange(count) + hour
    begin = at - rng.uniform(0, 1, count) * length
    zero = np.zeros(count, np.intp)
    return EmptyingBrackets(zero, zero, begin, begin + length)


def test_the_hour_of_a_round_is_found_within_brackets_of_hours() -> None:
    crews, hours = CrewHourSums(1, 1), CrewHours(1)
    for _ in range(10):
        crews.add(brackets(7.5, 40), hours.shape)
        hours.take(crews.shapes())
    assert int(hours.shape[0].argmax()) == 7
    assert hours.shape[0, 7] > 8
    ago = hours.ago(0, MIDNIGHT + 12, 9.0)  # from 3 to 12 o'clock
    assert ago == pytest.approx(4.5, abs=0.7)


def test_before_anything_is_seen_all_hours_are_alike() -> None:
    hours = CrewHours(1)
    hours.take(CrewHourSums(1, 1).shapes())
    assert hours.shape == pytest.approx(np.ones((1, 24)))
    assert hours.ago(0, MIDNIGHT + 12, 3.0) == 1.5
    assert hours.ago(0, MIDNIGHT + 12, 9.0) == 2.0


def test_a_bracket_of_a_day_says_nothing() -> None:
    crews = CrewHourSums(1, 1)
    seen = brackets(7.5, 1)
    crews.add(seen._replace(end=seen.begin + 24), np.ones((1, 24)))
    assert not crews.sums.any()


def test_what_is_old_fades() -> None:
    crews = CrewHourSums(2, 1)
    crews.sums += 1
    crews.fade(np.array([True, False]))
    assert crews.sums[0, 0, 0] == KEPT
    assert crews.sums[1, 0, 0] == 1


@given(st.lists(st.floats(0.05, 20), min_size=24, max_size=24), st.floats(0, 48))
def test_half_of_the_next_day_s_visits_are_over_after_the_wait(
    shape: list[float], begin: float
) -> None:
    hours = CrewHours(1)
    hours.take(np.array([shape]))
    who, start = np.zeros(1, np.intp), np.array([MIDNIGHT + np.floor(begin)])
    wait = hours.wait(who, start)
    half, _ = hours.between(who, start, start + wait)
    assert half[0] == pytest.approx(12, abs=1e-6)
    later = hours.wait(who, start + 0.6)
    assert later[0] == pytest.approx(max(wait[0] - 0.6, 0.2))


@pytest.mark.parametrize(
    ("hour", "planned", "unplanned"),
    [
        (5.0, 2.5, 2.5),  # in the middle of the round at 7 h, if nothing goes wrong
        (7.5, 0.25, 0.25),  # it is not over yet
        (8.5, 23.0, 23.0),
    ],
)
def test_somebody_comes_with_the_next_round_or_when_crews_use_to_come(
    hour: float, planned: float, unplanned: float
) -> None:
    crews = CrewHours(1)
    shape = np.full((1, 24), 0.01)
    shape[0, 7] = 24
    crews.take(shape)
    plans = RoundPlans([tuple(24.0 * day + 7 for day in range(7))])
    who, here = np.zeros(2, np.intp), np.full(2, MIDNIGHT + hour)
    wait = until_visit(plans, crews, CrewGroups(np.array([1, 0]), who), here)
    assert wait == pytest.approx([planned, unplanned], abs=0.25)


def test_where_nobody_is_known_to_come_it_is_six_hours_and_a_day_at_most() -> None:
    plans, monday = RoundPlans([(7.0,)]), MIDNIGHT + 96  # 20,000 days: a Thursday
    who, here = np.zeros(2, np.intp), np.full(2, monday + 9)
    plan = np.array([0, 1])
    wait = until_visit(plans, CrewHours(1), CrewGroups(plan, who), here)
    assert wait.tolist() == [6.0, 24.0]


@given(
    st.lists(st.floats(0.05, 20), min_size=24, max_size=24),
    st.floats(0, 48),
    st.floats(0.01, 60),
)
def test_hours_and_the_time_since_a_visit_are_integrals(
    shape: list[float], begin: float, length: float
) -> None:
    hours = CrewHours(1)
    hours.take(np.array([shape]))
    who, start = np.zeros(1, np.intp), MIDNIGHT + begin
    found, since = hours.between(who, np.array([start]), np.array([start + length]))
    edges = start + np.linspace(0, length, 20_001)
    middle, step = (edges[1:] + edges[:-1]) / 2, length / 20_000
    rate = hours.shape[0, np.floor(middle).astype(np.intp) % 24]
    assert found[0] == pytest.approx(rate.sum() * step, rel=2e-2, abs=1e-3)
    mean = (rate * (start + length - middle)).sum() / rate.sum()
    assert since[0] == pytest.approx(mean, rel=2e-2, abs=1e-3)
