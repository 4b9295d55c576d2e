"""Values against the catalogue, times against the clock."""

from datetime import timedelta

import numpy as np
import pytest

from sensorhub.ingest.validate import (
    NO_TIME,
    check_ranges,
    is_implausible,
    settle_times,
)
from sensorhub.model import BY_NAME, CATALOGUE, MeasurementKind, Quality, Reason

NOW = 1_795_000_000_000
AHEAD = 300_000
BEHIND = timedelta(days=30) // timedelta(milliseconds=1)
INF, NAN = float("inf"), float("nan")


def verdict(name: str, value: float) -> tuple[Quality, Reason]:
    quality, reason = check_ranges(
        np.array([BY_NAME[name].no], np.uint8), np.array([value], np.float64)
    )
    return Quality(quality[0]), Reason(reason[0])


GOOD = (Quality.OK, Reason.NONE)
OUTSIDE = (Quality.REJECTED, Reason.RANGE)
NO_NUMBER = (Quality.REJECTED, Reason.NOT_A_NUMBER)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_both_ends_of_a_range_belong_to_it(entry: object) -> None:
    name = entry.name  # type: ignore[attr-defined]
    of = BY_NAME[name]
    step = 1 if of.kind is MeasurementKind.COUNTER else 0.001
    assert verdict(name, of.low) == GOOD
    assert verdict(name, of.high) == GOOD
    assert verdict(name, of.low - step) == OUTSIDE
    assert verdict(name, np.nextafter(of.high, INF)) == OUTSIDE


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fill_level", NAN, NO_NUMBER),
        ("fill_level", INF, NO_NUMBER),
        ("temperature", -INF, NO_NUMBER),
        ("leak", 0.5, OUTSIDE),
        ("leak", 1, GOOD),
        ("leak", 2, OUTSIDE),
        ("leak", NAN, NO_NUMBER),
        ("temperature", 1e308, OUTSIDE),
    ],
)
def test_what_is_no_number_or_no_flag_is_rejected(
    name: str, value: float, expected: tuple[Quality, Reason]
) -> None:
    assert verdict(name, value) == expected


def test_a_number_that_no_measurement_has_is_rejected() -> None:
    unknown = next(n for n in range(1, 32) if n not in {m.no for m in CATALOGUE})
    quality, _ = check_ranges(np.array([0, unknown], np.uint8), np.zeros(2))
    assert quality.tolist() == [Quality.REJECTED] * 2


@pytest.mark.parametrize(
    ("said", "network", "expected", "replaced"),
    [
        (NOW - 5, NO_TIME, NOW - 5, False),
        (NOW + AHEAD, NO_TIME, NOW + AHEAD, False),
        (NOW + AHEAD + 1, NO_TIME, NOW, True),
        (NOW - BEHIND, NO_TIME, NOW - BEHIND, False),
        (NOW - BEHIND - 1, NO_TIME, NOW, True),
        (NO_TIME, NO_TIME, NOW, False),
        (NO_TIME, NOW - 7, NOW - 7, False),
        (NO_TIME, NOW + AHEAD + 1, NOW, False),  # a network's bad clock is not used
        (NOW + AHEAD + 1, NOW - 7, NOW - 7, True),
        (NOW + AHEAD + 1, NOW + AHEAD + 1, NOW, True),
        (NOW - 5, NOW - 7, NOW - 5, False),
        (0, NO_TIME, NOW, True),
        (-1, NO_TIME, NOW, True),
    ],
)
def test_a_time_is_the_devices_else_the_networks_else_ours(
    said: int, network: int, expected: int, replaced: bool
) -> None:
    times = [np.array([t], np.int64) for t in (said, network, NOW)]
    at, wrong = settle_times(*times)
    assert (int(at[0]), bool(wrong[0])) == (expected, replaced)


def test_times_at_the_edge_of_numbers_do_not_overflow_into_sound_ones() -> None:
    at = np.array([2**62 - 1, -(2**62) + 1], np.int64)
    assert is_implausible(at, np.full(2, NOW)).all()
