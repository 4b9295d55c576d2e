"""Rules on what is counted and on how quickly a value moves."""

from pathlib import Path

import pytest

from tests.support.town import FLEET, HEADER, MINUTE, Town

COUNT = """
[[rules]]
id = "visits"
kind = "count_since"
category = "clean"
measurement = "count_in"
levels = [{severity = "warning", raise = 100}, {severity = "urgent", raise = 200}]
text = {zh-CN = "人", en = "visits"}
"""


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 99], []),
        ([50, 149, 150], ["firing warning"]),
        ([50, 300], ["firing urgent"]),
        ([1_000, 1_050, 49], []),  # reset: 50 + 49
        ([1_000, 1_050, 50], ["firing warning"]),
        ([0, 90, 5, 90, 5], ["firing warning"]),
    ],
)
def test_visits_are_counted_across_resets(
    tmp_path: Path, counts: list[int], expected: list[str]
) -> None:
    town = Town(tmp_path, COUNT)
    for count in counts:
        town.up("w1", MINUTE, count_in=count)
    assert town.story("visits", "wc-1") == expected


def test_two_doors_are_counted_together_and_a_cleaning_ends_it(tmp_path: Path) -> None:
    town = Town(tmp_path, COUNT, FLEET + "east,hall,wc-1,toilet,w2,native,,,,,\n")
    for device, count in (("w1", 0), ("w2", 0), ("w1", 60), ("w2", 39)):
        town.up(device, MINUTE, count_in=count)
    assert town.story("visits", "wc-1") == []
    for device, count in (("w2", 40), ("w1", 100), ("w2", 100)):
        town.up(device, MINUTE, count_in=count)
    assert town.story("visits", "wc-1") == ["firing warning", "severity_changed urgent"]
    town.act("service", asset="wc-1", kind="cleaned")
    assert town.open() == {}
    town.kill()
    for device, count in (("w1", 150), ("w2", 149)):
        town.up(device, MINUTE, count_in=count)
    assert town.open() == {}
    town.up("w2", MINUTE, count_in=150)
    assert town.open() == {("visits", "wc-1"): "warning"}


def test_a_count_begins_at_the_mounting(tmp_path: Path) -> None:
    fleet = f"{HEADER}\neast,hall,wc-1,toilet,w1,native,,,,2026-11-18T11:00:00Z,\n"
    town = Town(tmp_path, COUNT, fleet)
    town.up("w1", MINUTE, count_in=5_000)
    town.up("w1", MINUTE, count_in=5_099)
    assert town.open() == {}
    town.up("w1", MINUTE, count_in=5_100)
    assert town.open() == {("visits", "wc-1"): "warning"}


RATE = """
[[rules]]
id = "quick"
kind = "rate"
category = "collect"
measurement = "fill_level"
levels = [{severity = "warning", raise = 30, clear = 10}]
max_gap = "2h"
text = {zh-CN = "快", en = "{value} {unit}"}
"""


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([(0, 10), (60, 39)], ""),
        ([(0, 10), (60, 40)], "firing"),
        ([(0, 10), (30, 25)], "firing"),
        ([(0, 10), (120, 70)], "firing"),
        ([(0, 10), (121, 90)], ""),  # beyond max gap the rate is unknown
        ([(0, 10), (60, 40), (60, 50)], "firing"),
        ([(0, 10), (60, 40), (60, 49)], "firing resolved"),
        ([(0, 10), (60, 40), (200, 45)], "firing"),  # unknown never clears
    ],
)
def test_a_rate_is_by_the_hour_between_two_samples(
    tmp_path: Path, samples: list[tuple[int, float]], expected: str
) -> None:
    town = Town(tmp_path, RATE)
    for minutes, fill in samples:
        town.up("d1", minutes * MINUTE, fill_level=fill)
    words = [step.split()[0] for step in town.story("quick", "bin-1")]
    assert " ".join(words) == expected
