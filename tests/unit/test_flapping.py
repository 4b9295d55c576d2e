"""The flap guard: in at half of 21 states changed, out at a quarter."""

import pytest

from sensorhub.alerts.flapping import (
    ENTER,
    LEAVE,
    STATES,
    change_share,
    is_flapping,
    recent_changes,
)


def test_no_change_is_no_share_and_all_changes_are_all_of_it() -> None:
    assert change_share([], 100) == 0
    assert change_share(list(range(81, 101)), 100) == pytest.approx(1.0)


def test_newer_changes_weigh_more_and_those_beyond_21_states_nothing() -> None:
    assert change_share([100], 100) == pytest.approx(1.2 / 20)
    assert change_share([81], 100) == pytest.approx(0.8 / 20)
    assert change_share([80], 100) == 0
    assert change_share([101], 100) == 0  # not yet


@pytest.mark.parametrize(("changes", "flaps"), [(8, False), (9, True)])
def test_it_enters_at_half(changes: int, flaps: bool) -> None:
    row = list(range(101 - changes, 101))
    assert is_flapping(row, 100, False) is flaps
    assert (change_share(row, 100) >= ENTER) is flaps


def test_between_a_quarter_and_half_it_stays_what_it_was() -> None:
    row = [95, 96, 97, 98, 99, 100]
    assert LEAVE < change_share(row, 100) < ENTER
    assert is_flapping(row, 100, True)
    assert not is_flapping(row, 100, False)


def test_without_changes_it_calms_down() -> None:
    row = list(range(91, 101))
    calm = next(n for n in range(100, 200) if not is_flapping(row, n, True))
    assert 105 < calm < 100 + STATES
    assert not any(is_flapping(row, n, True) for n in range(calm, 200))


def test_only_changes_that_count_are_kept() -> None:
    assert recent_changes([79, 80, 81, 100], 100) == [81, 100]
