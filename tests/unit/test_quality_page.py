"""The page of `make quality` from one seed, from many, and from scores without data."""

from pathlib import Path
from typing import Any

import pytest

from tests.quality.one import ORACLES, Size, beside_oracle, with_rooms
from tests.quality.page import write
from tests.quality.targets import goals

SIZE = Size(bins=10, toilets=1, days=20)


def run(seed: int, **scores: float | None) -> dict[str, dict[str, Any]]:
    who = (
        "naive",
        "median",
        "hub",
        "hub and rounds",
        *(f"oracle {x}" for x in ORACLES),
    )
    plain = {"G1": None, "G4": None} | scores
    made = {"seed": seed, "device_days_per_s": 10.0, "uplinks": 7}
    return {name: dict(plain) for name in who} | {
        "run": made | {"G16_lines_that_differ": 0}
    }


def page(folder: Path, *runs: dict[str, dict[str, Any]]) -> str:
    out = folder / "page.md"
    write(out, {"default": runs}, {"default": True}, SIZE)
    assert (folder / "page.svg").exists()
    return out.read_text("utf-8")


def test_a_page_of_one_seed_without_any_data(tmp_path: Path) -> None:
    text = page(tmp_path, run(3))
    assert "Seeds 3. Few seeds" in text
    assert "All goals in the table are reached." in text


def test_a_page_of_one_seed_has_no_intervals(tmp_path: Path) -> None:
    text = page(tmp_path, run(3, G1=0.5, G4=0.25, G17=0.5))
    assert "| G4 alert 4 h before or earlier | ≥ 0.69 | 0.250 | 0.250 |" in text
    assert "±" not in text.partition("## default")[2]


def test_goals_with_and_without_rounds_are_held_against_their_hub(
    tmp_path: Path,
) -> None:
    one = run(3, G17=0.5)
    one["oracle rounds"]["G17"] = 0.7
    text = page(tmp_path, one, run(4, G17=0.5))
    assert "| ≥ 0.6 with rounds; ≥ 0.45 |" in text
    assert "- `G17`: 0.500, goal ≥ 0.6; the oracle: 0.600" in text
    assert "goal ≥ 0.45" not in text
    one["hub"]["G17"] = 0.2
    text = page(tmp_path, one)
    assert "- `G17`: 0.200, goal ≥ 0.45; the oracle: 0.500" in text


def test_alarms_of_bins_and_of_toilets_are_added_up() -> None:
    bins = {f"G19_hour_{hour}": 1.0 if hour == 5 else 0.0 for hour in range(24)}
    toilets = {f"G19_hour_{hour}": 0.5 if hour in (5, 6) else 0.0 for hour in range(24)}
    bins |= {"G1": 0.9, "G19_mean": 1 / 24, "G19_busiest": 1.0, "G19_device": 0.2}
    toilets |= {"G10_recall": 1, "G19_mean": 1 / 24, "G19_busiest": 0.5}
    toilets |= {"G19_device": 0.1}
    found = with_rooms(bins, toilets)
    assert (found["G1"], found["G10_recall"]) == (0.9, 1)
    assert (found["G19_hour_5"], found["G19_hour_6"]) == (1.5, 0.5)
    assert found["G19_mean"] == pytest.approx(2 / 24)
    assert found["G19_busiest"] == 1.5  # not the sum of the busiest hours
    assert found["G19_device"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("hub", "oracle", "expected"),
    [(0.6, 0.8, 0.75), (0.6, 0.0, None), (None, 0.8, None), (0.6, None, None)],
)
def test_a_share_of_the_oracles(
    hub: float | None, oracle: float | None, expected: float | None
) -> None:
    found = beside_oracle({"G18": hub}, {"G18": oracle})["G18_of_oracle"]
    assert found == pytest.approx(expected)


def test_the_goals_of_alarms() -> None:
    said = [(goal.said, goal.rounds) for goal in goals("default", "G17")]
    assert said == [("≥ 0.6", True), ("≥ 0.45", False)]
    assert not goals("harsh", "G17")
