"""Odour over a device's own level, and emptyings in the fill level."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.estimate.odour import KNOWN_AFTER_MS, STEP_MS, WINDOW_MS, Baseline
from sensorhub.estimate.service import emptyings, is_emptying

HOUR = 3_600_000


def filled(values: list[float], step: int = HOUR) -> Baseline:
    baseline = Baseline()
    for i, value in enumerate(values):
        baseline.add(i * step, value)
    return baseline


def test_the_baseline_is_unknown_for_a_day_and_known_from_then_on() -> None:
    baseline = Baseline()
    assert baseline.add(0, 1.0) is None
    assert baseline.add(KNOWN_AFTER_MS - 1, 1.0) is None
    assert baseline.add(KNOWN_AFTER_MS, 1.0) == 0


def test_it_is_the_20th_percentile_so_that_stench_does_not_lift_it() -> None:
    baseline = filled([1.0] * 30 + [9.0] * 70)
    assert baseline.add(100 * HOUR, 3.5) == 2.5


def test_it_forgets_after_seven_days() -> None:
    baseline = filled([5.0] * 24)
    for hour in range(24, 24 + 7 * 24 + 1):
        rise = baseline.add(hour * HOUR, 1.0)
    assert rise == 0
    times = array("q", baseline.dump()[0])
    assert times[0] >= (24 + 7 * 24) * HOUR - WINDOW_MS


def test_after_a_week_of_silence_it_is_unknown_again() -> None:
    baseline = filled([1.0] * 48)
    assert baseline.add(47 * HOUR + WINDOW_MS + 1, 1.0) is None


def test_a_sample_that_is_not_newer_says_nothing() -> None:
    baseline = filled([1.0] * 48)
    assert baseline.add(47 * HOUR, 9.0) is None
    assert baseline.add(3 * HOUR, 9.0) is None


def test_quick_samples_are_judged_and_thinned_out() -> None:
    baseline = filled([1.0] * 3_000, step=STEP_MS // 10)
    assert len(array("q", baseline.dump()[0])) == 300
    assert baseline.add(300 * STEP_MS, 2.0) == 1


@given(st.lists(st.tuples(st.integers(1, 30 * HOUR), st.floats(0, 50)), max_size=60))
def test_written_down_and_taken_up_again_it_goes_on_alike(
    steps: list[tuple[int, float]],
) -> None:
    one, at = Baseline(), 0
    for number, (after, value) in enumerate(steps):
        at += after
        other = Baseline(*one.dump())
        assert one.add(at, value) == other.add(at, value)
        assert one.dump() == other.dump()
        if number % 2:
            one = other


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        (90, 10, True),
        (60, 30, False),
        (59.9, 29.9, True),
        (50, 20.1, False),
        (10, 90, False),
        (float("nan"), 0, False),
    ],
)
def test_an_emptying_is_a_drop_of_thirty_points_to_below_thirty(
    before: float, after: float, seen: bool
) -> None:
    assert is_emptying(before, after) is seen
    columns = np.array([before], float), np.array([after], float)
    assert emptyings(*columns).tolist() == [seen]
