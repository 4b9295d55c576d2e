"""What a rule says of a line of values: one row a case, one state a value."""

import random

import pytest

from sensorhub.alerts.rule_track import RuleTrack, no_change_range
from sensorhub.alerts.rules import Rule
from sensorhub.model import Severity
from sensorhub.state.rule_evaluation import count_step
from tests.support.town import HOUR, MINUTE, rule

LADDER = [
    {"severity": "warning", "raise": 80, "clear": 70},
    {"severity": "urgent", "raise": 90, "clear": 80},
]
LOW = {"direction": "below", "levels": [{"severity": "device", "raise": 15}]}


def states(of: Rule, samples: list[tuple[int, float]], interval: int = HOUR) -> str:
    """One letter a sample: `.` none, `w` warning, `u` urgent, `d` device."""
    track, last, found = RuleTrack(len(of.limits)), None, ""
    for at, value in samples:
        gap = last is not None and at - last > of.max_gap_for(interval)
        track.evaluate(of, value, at, gap)
        last = at
        found += "." if not track.level(of) else track.level(of).word[0]
    return found


def every(step: int, values: list[float], start: int = 0) -> list[tuple[int, float]]:
    return [(start + i * step, value) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("keys", "values", "expected"),
    [
        ({}, [79.9, 80, 80.1], ".ww"),
        ({}, [80, 70, 69.9], "ww."),
        ({}, [80, 75, 80, 75, 70], "wwwww"),
        ({}, [75, 79, 75], "..."),
        ({"levels": LADDER}, [80, 90, 89.9, 80, 79.9, 70, 69.9], "wuuuww."),
        ({"levels": LADDER}, [95, 60], "u."),
        ({"levels": LADDER}, [85, 95, 85, 75], "wuuw"),
        ({"levels": [{"severity": "warning", "raise": 1}]}, [0, 1, 1, 0.9], ".ww."),
        (LOW, [15.1, 15, 14, 15, 15.1], ".ddd."),
        (
            LOW | {"levels": [{"severity": "device", "raise": 15, "clear": 25}]},
            [15, 24, 25, 25.1],
            "ddd.",
        ),
        ({"levels": LADDER, "k": 2, "n": 2}, [85, 95, 95, 85], ".wuu"),
        ({"measurement": "tilted", "levels": LOW["levels"]}, [0, 20, 15, 14], ".dd."),
    ],
)
def test_a_value_at_the_threshold_raises_and_only_beyond_clear_it_clears(
    keys: dict[str, object], values: list[float], expected: str
) -> None:
    assert states(rule(**keys), every(MINUTE, values)) == expected


@pytest.mark.parametrize(
    ("k", "n", "values", "expected"),
    [
        (2, 3, [90, 0, 90, 0, 0], "..w.."),
        (2, 3, [90, 90, 0, 0], ".ww."),
        (2, 3, [90, 0, 0, 90, 0], "....."),
        (3, 3, [90, 90, 90, 0], "..w."),
        (1, 4, [90, 0], "ww"),
    ],
)
def test_k_of_the_last_n_samples_raise_and_fewer_clear(
    k: int, n: int, values: list[float], expected: str
) -> None:
    of = rule(k=k, n=n, levels=[{"severity": "warning", "raise": 80}])
    assert states(of, every(MINUTE, values)) == expected


@pytest.mark.parametrize(
    ("minutes", "values", "expected"),
    [
        ([0, 5, 10, 15], [85, 85, 85, 85], "..ww"),
        ([0, 9, 10], [85, 85, 85], "..w"),
        ([0, 11], [85, 85], ".w"),
        ([0, 5, 10], [85, 75, 85], "..."),
        ([0, 5, 6, 15, 16], [85, 75, 85, 85, 85], "....w"),
        ([0, 720], [85, 85], ".w"),  # exactly max gap
        ([0, 721, 731], [85, 85, 85], "..w"),  # beyond it the hold begins anew
    ],
)
def test_a_hold_is_met_by_samples_and_not_across_more_than_max_gap(
    minutes: list[int], values: list[float], expected: str
) -> None:
    of = rule(hold="10m", max_gap="12h")
    assert states(
        of, list(zip([m * MINUTE for m in minutes], values, strict=True))
    ) == (expected)


@pytest.mark.parametrize(
    ("minutes", "values", "expected"),
    [
        ([0, 1, 6, 11], [85, 60, 60, 60], "www."),
        ([0, 1, 6, 11], [85, 60, 75, 60], "wwww"),
        ([0, 1, 200], [85, 60, 60], "www"),  # a gap: the clear hold begins anew
    ],
)
def test_a_clear_hold_is_a_hold_too(
    minutes: list[int], values: list[float], expected: str
) -> None:
    of = rule(clear_hold="10m", max_gap="2h")
    assert states(
        of, list(zip([m * MINUTE for m in minutes], values, strict=True))
    ) == (expected)


def test_a_gap_never_clears_what_is_active_and_empties_the_last_n() -> None:
    of = rule(k=2, n=3, max_gap="1h")
    samples = [(0, 85.0), (MINUTE, 85.0), (3 * HOUR, 75.0), (7 * HOUR, 60.0)]
    assert states(of, samples) == ".ww."
    assert states(of, [(0, 85.0), (3 * HOUR, 85.0), (3 * HOUR + 1, 85.0)]) == "..w"


@pytest.mark.parametrize(
    ("interval", "gap"), [(MINUTE, 2 * HOUR), (HOUR, 3 * HOUR), (24 * HOUR, 72 * HOUR)]
)
def test_max_gap_is_three_expected_intervals_and_at_least_two_hours(
    interval: int, gap: int
) -> None:
    assert rule().max_gap_for(interval) == gap
    assert rule(max_gap="12h").max_gap_for(interval) == 12 * HOUR


# 2026-11-18 is a Wednesday; Shanghai is 8 h ahead of UTC all year
MIDNIGHT = 1_794_931_200_000  # 2026-11-18T00:00 in Shanghai
NIGHT = {"from": "22:00", "until": "06:00", "weekdays": ["wed"]}


@pytest.mark.parametrize(
    ("schedule", "hours", "expected"),
    [
        ({"from": "08:00", "until": "18:00"}, 7.99, False),
        ({"from": "08:00", "until": "18:00"}, 8, True),
        ({"from": "08:00", "until": "18:00"}, 18, False),
        ({"from": "08:00"}, 23.99, True),
        ({}, 0, True),
        ({"weekdays": ["thu"]}, 23.99, False),
        ({"weekdays": ["thu"]}, 24, True),
        (NIGHT, 21.99, False),
        (NIGHT, 22, True),
        (NIGHT, 29.99, True),  # Thursday morning belongs to Wednesday's night
        (NIGHT, 30, False),
        (NIGHT, 5, False),  # Wednesday morning belongs to Tuesday's
        ({"from": "08:00", "until": "18:00", "timezone": "UTC"}, 8, False),
        ({"from": "08:00", "until": "18:00", "timezone": "UTC"}, 16, True),
        ({"from": "08:00", "until": "08:00", "weekdays": ["wed"]}, 31.99, True),
        ({"from": "08:00", "until": "08:00", "weekdays": ["wed"]}, 32, False),
    ],
)
def test_a_schedule_is_local_time_and_goes_over_midnight(
    schedule: dict[str, object], hours: float, expected: bool
) -> None:
    of = rule(schedule=schedule)
    assert of.in_schedule(MIDNIGHT + int(hours * HOUR)) is expected


def test_out_of_schedule_it_may_clear_but_not_raise() -> None:
    of = rule(schedule={"from": "08:00", "until": "10:00"}, max_gap="24h")
    hours = [7, 9, 11, 12, 13, 33]
    values = [85, 85, 85, 60, 85, 85]
    samples = [
        (MIDNIGHT + h * HOUR, float(v)) for h, v in zip(hours, values, strict=True)
    ]
    assert states(of, samples) == ".ww..w"


@pytest.mark.parametrize("seed", range(30))
def test_a_value_in_the_quiet_band_moves_nothing(seed: int) -> None:
    chance = random.Random(seed)
    above = chance.random() < 0.5
    raises = sorted(chance.sample(range(20, 90, 5), 2), reverse=not above)
    side = -1 if above else 1
    levels = [
        {"severity": word, "raise": at, "clear": at + side * chance.choice([0, 3, 9])}
        for word, at in zip(("warning", "urgent"), raises, strict=True)
    ]
    of = rule(
        levels=levels,
        direction="above" if above else "below",
        hold=chance.choice(["0s", "5m"]),
        k=(n := chance.choice([1, 1, 2])),
        n=n,
    )
    track, plain = RuleTrack(2), RuleTrack(2)
    for minute in range(400):
        value = float(chance.choice([*raises, *range(0, 101, 4)]))
        low, high = no_change_range(of, track)
        plain.evaluate(of, value, minute * MINUTE, False)
        if not low <= value < high:
            track.evaluate(of, value, minute * MINUTE, False)
        assert track.level(of) == plain.level(of)


def test_a_severity_has_a_name_that_people_read() -> None:
    assert [s.word for s in Severity][1:] == ["device", "warning", "urgent", "danger"]


@pytest.mark.parametrize(
    ("before", "value", "bits", "hours", "step"),
    [
        (10, 15, 0, 1, 5),
        (10, 10, 0, 1, 0),
        (65_530, 4, 16, 1, 10),
        (65_400, 100, 16, 0.01, 236),
        (65_400, 300, 16, 0.01, 300),  # nobody comes so quickly: a reset
        (65_400, 300, 16, 1, 436),
        (60_000, 100, 16, 1, 100),  # 5,636 in an hour: a reset
        (60_000, 100, 16, 48, 5_636),
        (30_000, 100, 16, 1, 100),
        (65_530, 4, 0, 1, 4),  # does not wrap: a reset
        (70_000, 4, 16, 1, 4),  # never was of 16 bits
        (4_294_967_295, 0, 32, 1, 1),
        (float("nan"), 500, 16, 1, 0),
        (1_000, 997, 16, 1, 0),  # overtaken by a later reading
        (6, 2, 16, 1, 2),  # as well a reset
    ],
)
def test_a_counter_that_fell_wrapped_or_was_reset(
    before: float, value: float, bits: int, hours: float, step: float
) -> None:
    assert count_step(before, value, bits, hours) == step
