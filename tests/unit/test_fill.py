"""The fill filter: what it makes of good readings, odd ones, and none."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensorhub.estimate import fill
from sensorhub.estimate.follow import LevelReadings, process_levels, record_emptying
from sensorhub.estimate.usage import HOUR_MS
from tests.support.bins import MONDAY, Bin, deposits, town

LEVELS = tuple(20 + n for n in range(12))  # a point an hour


def test_a_first_reading_is_believed_once_a_second_agrees() -> None:
    one = Bin().read(55)
    assert one.fill == 55
    assert one.ahead.sd[0] > 10
    one.read(55)
    assert one.fill == pytest.approx(55, abs=0.5)
    assert one.ahead.sd[0] == pytest.approx(5.7, abs=0.3)


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ((95,), (28, 40)),  # something before the beam
        ((0,), (28, 36)),  # a lost echo
        ((95, 33, 96, 34), (28, 42)),
    ],
)
def test_an_echo_from_nowhere_moves_little(
    odd: tuple[float, ...], shown: tuple[float, float]
) -> None:
    one = Bin().read(*LEVELS, *odd)
    low, high = shown
    assert low < one.fill < high
    assert one.emptied == []


def test_a_leap_that_is_seen_twice_is_real() -> None:
    assert Bin().read(*LEVELS, 80).fill < 40
    assert Bin().read(*LEVELS, 80, 81).fill > 65


@pytest.mark.parametrize(
    ("after", "reports"),
    [
        ((3,), 1),
        ((0, 2), 2),  # a lost echo looks the same at first
        ((22, 22, 23), 3),  # half of it
    ],
)
def test_an_emptying_is_seen_within_so_many_reports(
    after: tuple[float, ...], reports: int
) -> None:
    one = Bin().read(*(50 + n for n in range(24)))
    one.read(*after)
    ((begin, end, amount),) = one.emptied
    assert (begin, end) == (24, 25)
    assert amount == pytest.approx(74 - after[-1], abs=6)
    assert len(after) == reports
    assert one.fill == pytest.approx(after[-1], abs=4)


def test_a_round_in_the_gap_makes_an_emptying_likelier() -> None:
    levels = (*(30 + n for n in range(24)), 12)  # more than usual is left
    assert Bin().read(*levels).emptied == []
    ((begin, end, _),) = Bin(town(rounds=(24.5,))).read(*levels).emptied
    assert (begin, end) == (24, 25)


def test_what_a_stuck_sensor_says_counts_less_by_the_hour() -> None:
    one = Bin().read(*(60 + n for n in range(24)))
    sure = one.due
    one.read(*[84] * 10, stuck=True)
    assert one.fill > 84
    assert sure > 0.99
    assert one.due == pytest.approx(np.exp(-0.02 * 10), abs=0.02)


def test_beyond_the_blind_zone_a_level_is_only_known_to_be_higher() -> None:
    seen = Bin(town(blind_mm=450)).read(*(50 + n for n in range(16)), *[66.7] * 8)
    clear = Bin().read(*(50 + n for n in range(24)))
    assert seen.fill == pytest.approx(clear.fill, abs=8)
    assert seen.ahead.sd[0] > 1.2 * clear.ahead.sd[0]


def test_the_rate_is_learnt_and_outlives_an_emptying() -> None:
    rng = np.random.default_rng(7)
    one = Bin()
    for _ in range(6):
        levels = 3 + np.cumsum(deposits(rng, 40, 48)) + rng.normal(0, 1.2, 48)
        one.read(*np.round(levels))
    rate = float(one.table["gained"][0] / one.table["days"][0])
    assert rate == pytest.approx(40, abs=12)
    assert len(one.emptied) == 5


@pytest.mark.parametrize("seed", range(3))
def test_frequent_emptyings_do_not_slow_the_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = Bin(town(rounds=tuple(24.0 * day + 7 for day in range(7))))
    level = 3.0
    for day in range(40):
        for hour in (1, 7.5, 13, 19):
            came = float(deposits(rng, 80, 6).sum())
            level = 3 + came / 12 if hour == 7.5 else level + came
            one.now = MONDAY + int((24 * day + hour - 6) * HOUR_MS)
            one.read(round(min(level, 100)), every_h=6)
    rate = float(one.table["gained"][0] / one.table["days"][0])
    assert rate == pytest.approx(80, abs=10)
    assert len(one.emptied) == pytest.approx(40, abs=2)


def test_a_round_that_was_seen_does_not_come_twice() -> None:
    one = Bin(town(rounds=(24.8,))).read(*(30 + n for n in range(24)), 3)
    assert len(one.emptied) == 1  # a little before the round
    one.read(14, 3)  # too uneven a surface, not another emptying
    assert len(one.emptied) == 1


def test_a_silence_makes_unsure() -> None:
    soon = Bin().read(*LEVELS, 32)
    late = Bin().read(*LEVELS).read(40, every_h=48)
    assert late.table["good_at"][0] == late.now
    gap = Bin().read(*LEVELS).read(3, every_h=48)
    assert soon.emptied == late.emptied == []
    assert gap.emptied[0][:2] == (12, 60)


def test_a_crew_that_says_so_has_emptied_it() -> None:
    one = Bin().read(*(60 + n for n in range(24)))
    record_emptying(one.table, one.town, np.zeros(1, np.intp), one.now + HOUR_MS)
    assert one.fill == 2
    assert one.read(4, 5).emptied == []  # it is known already
    assert one.due < 0.01


def together(levels: dict[int, list[float]], batches: list[Any]) -> list[bytes]:
    """The columns after `levels` by device came in calls of so many devices."""
    table, here = fill.new_fills(len(levels)), town(len(levels))
    for step in range(len(levels[0])):
        rows, start = np.arange(len(levels)), 0
        for size in [*batches, len(levels)]:
            row = rows[start : start + size]
            start += size
            if len(row):
                process_levels(
                    table,
                    here,
                    LevelReadings(
                        row,
                        np.full(len(row), MONDAY + step * HOUR_MS),
                        np.array([levels[d][step] for d in row.tolist()]),
                        offset_ms=np.zeros(len(row), np.int64),
                        fresh=np.zeros(len(row), np.bool_),
                        stuck=np.zeros(len(row), np.bool_),
                    ),
                )
    return [table[name].tobytes() for name in fill.SPEC]


@given(st.lists(st.integers(1, 5), max_size=4), st.integers(0, 1000))
def test_in_which_batches_readings_come_changes_nothing(
    batches: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    walk = np.clip(np.cumsum(rng.normal(1, 8, (6, 12)), axis=1), 0, 113).round()
    levels = {d: walk[d].tolist() for d in range(6)}
    assert together(levels, batches) == together(levels, [])


@example(levels=[0.0, 40.0, 59.0, 1.0, 1.0], every_h=40.0)
@given(
    st.lists(st.floats(-20, 130).map(lambda x: round(x, 1)), min_size=1, max_size=40),
    st.floats(0.01, 300),
)
def test_whatever_comes_leaves_a_fill_with_an_uncertainty(
    levels: list[float], every_h: float
) -> None:
    one = Bin().read(*levels, every_h=every_h)
    ahead = one.ahead
    assert -25 < one.fill <= 120
    assert 0 < ahead.sd[0] < 1_000
    for chance in one.found[-1].chances:
        assert 0 <= chance[0] <= 1


def test_a_bin_takes_less_than_400_bytes() -> None:
    assert sum(np.dtype(kind).itemsize for kind, _ in fill.SPEC.values()) <= 400
