"""Odour: how far a gas cell stands above clean air, whatever its zero is."""

import random
from array import array
from collections.abc import Iterator
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.estimate.odour import (
    COLD_MS,
    DAY_MS,
    DAYS,
    DRIFT,
    MASK_MS,
    MINUTE_MS,
    SETTLED_MS,
    SIZE,
    WARM_MS,
    GasCellState,
    GasObservation,
    mask,
    new_gas_cell,
    observe_gas,
    zero_drifts,
)

HOUR_MS = 60 * MINUTE_MS
STEP_MS = 5 * MINUTE_MS
CLEANINGS = (6, 14)  # o'clock; each takes 90 % away


def room(hour: float, per_hour: float = 0.05) -> float:
    """NH3 (ppm) of a room that fouls evenly between its cleanings."""
    since = (hour - CLEANINGS[0]) % 24
    before, after = 16.0, 8.0  # hours from one to the other
    low = 0.1 * per_hour * (after + 0.1 * before) / (1 - 0.01)
    if since < after:
        left = 0.1 * (low + per_hour * before)
        return left + per_hour * since
    return low + per_hour * (since - after)


def days(n: int, zero: float, seed: int = 1) -> Iterator[tuple[int, float]]:
    """Readings of `n` days of the room by a cell with a zero error and noise."""
    chance = random.Random(seed)
    for at in range(0, n * DAY_MS, STEP_MS):
        true = room(at / HOUR_MS % 24)
        yield at, round(zero + true + chance.gauss(0, 0.03), 2)


def after(
    readings: Iterator[tuple[int, float]],
) -> tuple["GasCellState[float]", list[GasObservation]]:
    cell = new_gas_cell()
    return cell, [observe_gas(cell, at, value) for at, value in readings]


@pytest.mark.parametrize("zero", [-0.8, 0.0, 0.3, 2.0])
def test_the_rise_is_what_is_in_the_air_whatever_the_zero(zero: float) -> None:
    _, said = after(days(8, zero))
    assert len(said) == 8 * 288
    for number in range(7 * 288, len(said), 7):
        rise, true = said[number].rise, room(number * STEP_MS / HOUR_MS % 24)
        within = number * STEP_MS / HOUR_MS % 24
        if min((within - hour) % 24 for hour in CLEANINGS) > 1:
            assert rise == pytest.approx(true, abs=0.13)


def test_it_is_unknown_for_a_day_and_again_after_two_days_of_silence() -> None:
    cell = new_gas_cell()
    for at in range(0, WARM_MS, HOUR_MS):
        assert observe_gas(cell, at, 1.0) == GasObservation(warming=True)
    assert observe_gas(cell, WARM_MS, 1.0).rise == 0
    later = WARM_MS + COLD_MS + 1
    assert observe_gas(cell, later, 1.0) == GasObservation(warming=True)
    assert observe_gas(cell, later + WARM_MS, 1.1).rise == pytest.approx(0.1)


def test_what_is_long_ago_counts_no_more() -> None:
    cell, _ = after(iter([(h * HOUR_MS, 0.2) for h in range(48)]))
    for hour in range(48, 24 * (DAYS + 4)):
        said = observe_gas(cell, hour * HOUR_MS, 1.0)
    assert said.rise == 0
    assert observe_gas(cell, (hour + 24 * DAYS + 1) * HOUR_MS, 3.0).warming
    assert all(map(isnan, cell[-2 * DAYS :]))


def test_a_jump_comes_from_chemicals_and_leaves_no_trace() -> None:
    cell, _ = after(days(3, 0.0))
    at = 3 * DAY_MS
    level = cell[3:7]
    assert observe_gas(cell, at, 3.0).jump
    for minutes in range(5, MASK_MS // MINUTE_MS, 5):
        assert observe_gas(cell, at + minutes * MINUTE_MS, 2.0) == GasObservation()
    assert cell[3:7] == level
    assert observe_gas(cell, at + MASK_MS, 0.1).rise is not None


def test_a_jump_that_stays_is_the_level_of_the_room() -> None:
    cell, _ = after(days(3, 0.0))
    rises = [
        observe_gas(cell, 3 * DAY_MS + minutes * MINUTE_MS, 3.0).rise
        for minutes in range(0, 3 * SETTLED_MS // MINUTE_MS, 5)
    ]
    assert rises[-1] is not None
    assert rises[-1] > 2


def test_who_says_that_he_cleans_is_believed() -> None:
    cell, _ = after(days(3, 0.0))
    mask(cell, 3 * DAY_MS)
    assert observe_gas(cell, 3 * DAY_MS + MASK_MS - 1, 0.2) == GasObservation()
    assert observe_gas(cell, 3 * DAY_MS + MASK_MS, 0.2).rise is not None


@pytest.mark.parametrize("alcohol", [0.0, 2.0])
def test_cleanings_are_seen_by_their_fall_or_their_chemicals(alcohol: float) -> None:
    seen, cell = [], new_gas_cell()
    for at, value in days(8, 0.3):
        hour = at / HOUR_MS % 24
        foul = any(0 <= hour - h < 0.3 for h in CLEANINGS)
        said = observe_gas(cell, at, value + alcohol * foul)
        if said.cleaned_at is not None:
            seen.append(said.cleaned_at / HOUR_MS)
    wanted = [24 * day + hour for day in range(1, 8) for hour in CLEANINGS]
    assert [s for s in seen if s > 24] == pytest.approx(wanted, abs=0.4)


@pytest.mark.parametrize(("per_day", "far"), [(0.0, False), (0.02, False), (0.1, True)])
def test_a_zero_that_wanders_is_told_once_a_day(per_day: float, far: bool) -> None:
    cell = new_gas_cell()
    told = []
    for at, value in days(16, 0.5):
        said = observe_gas(cell, at, value + per_day * at / DAY_MS)
        if said.drift is not None:
            told.append(said.drift)
    assert len(told) == 16 - DAYS
    assert (max(told) >= DRIFT, zero_drifts(cell)) == (far, far)


def test_a_sample_that_is_not_newer_says_nothing() -> None:
    cell, _ = after(days(2, 0.0))
    before = cell.tobytes()
    assert observe_gas(cell, 2 * DAY_MS - STEP_MS, 9.0) == GasObservation()
    assert observe_gas(cell, DAY_MS, 9.0) == GasObservation()
    assert cell.tobytes() == before


@given(
    st.lists(
        st.tuples(st.integers(1, 30 * HOUR_MS), st.floats(0, 50)),
        min_size=1,
        max_size=60,
    )
)
def test_written_down_and_taken_up_again_it_goes_on_alike(
    steps: list[tuple[int, float]],
) -> None:
    assert steps
    one, at = new_gas_cell(), 0
    for number, (gap, value) in enumerate(steps):
        at += gap
        other = array("d", one.tobytes())
        assert len(other) == SIZE
        assert observe_gas(one, at, value) == observe_gas(other, at, value)
        assert one.tobytes() == other.tobytes()
        if number % 2:
            one = other
