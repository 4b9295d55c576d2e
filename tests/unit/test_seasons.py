"""Seasons, holidays, rain, and bags beside bins: more, less, labelled."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.clock import parse_time
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load
from firmware_sim.scenario.settings import CalendarSettings, RainSettings
from firmware_sim.world.calendar import SeasonalDemand
from firmware_sim.world.rain import RainModel
from firmware_sim.world.step_time import StepTime

# days of a town are simulated in each test
pytestmark = pytest.mark.slow

JUNE = CalendarSettings.model_validate(
    {
        "monthly": [1, 1, 1, 1, 1, 1.2, 1, 1, 1, 1, 1, 1],
        "holidays": ["2026-06-19", "2026-10-01"],
        "holiday_factor": 1.5,
    }
)


@pytest.mark.parametrize(
    ("month", "date", "factor"),
    [
        (5, "2026-05-31", 1.0),
        (6, "2026-06-18", 1.2),
        (6, "2026-06-19", 1.8),
        (10, "2026-10-01", 1.5),
    ],
)
def test_a_day_has_its_month_and_holiday(month: int, date: str, factor: float) -> None:
    assert SeasonalDemand(JUNE).factor(
        StepTime(0, 0, 12, 1, month, date)
    ) == pytest.approx(factor)


def test_rain_falls_on_zones_as_often_as_asked() -> None:
    rain = RainModel(RainSettings(per_day=1, hours=(2, 2)), 50, 1)
    steps, wet, begun = 288 * 10, 0, 0
    zones = np.arange(50)
    for _ in range(steps):
        begun += sum(shower.on for shower in rain.step())
        wet += int((rain.factor(zones) < 1).sum())
        assert set(rain.humidity(zones)) <= {65.0, 85.0}
    assert 400 < begun < 520  # one a dry day
    assert wet / begun == pytest.approx(24, abs=1)  # steps of two hours


def gains(folder: Path, **told: Any) -> tuple[float, list[dict[str, Any]]]:
    """What was thrown into all bins of a clean town, %; labels."""
    sizes = {"town.bins": 60, "town.toilets": 0, "town.days": 6} | told
    write_trace("clean", load("clean", sizes), 1, folder)
    lines = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    labels = [json.loads(line) for line in lines]
    fills = [label for label in labels if label["label"] == "fill"]
    return sum(sum(label["gain"]) for label in fills), labels


def test_a_season_a_rain_and_bags_beside_change_what_falls_in(tmp_path: Path) -> None:
    usual, labels = gains(tmp_path / "usual")
    assert not [x for x in labels if x["label"] in ("rain", "beside")]
    high, _ = gains(tmp_path / "high", **{"calendar.monthly": (1.5,) * 12})
    assert 1.35 < high / usual < 1.65
    wet = {"rain.per_day": 50, "rain.factor": 0.5, "rain.hours": (7, 8)}
    low, labels = gains(tmp_path / "wet", **wet)
    assert 0.42 < low / usual < 0.62
    for zone in {x["zone"] for x in labels if x["label"] == "rain"}:
        spells = [x for x in labels if x["label"] == "rain" and x["zone"] == zone]
        for before, after in pairwise(sorted(spells, key=lambda x: x["at"])):
            assert parse_time(before["until"]) <= parse_time(after["at"])
    less, labels = gains(tmp_path / "beside", **{"deposits.beside": 1})
    beside = sum(x["litres"] for x in labels if x["label"] == "beside")
    assert less < 0.9 * usual  # a fifth of the litres come in big bags
    assert beside > 0
