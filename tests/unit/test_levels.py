"""Fill levels in the hub: forecasts as alerts, services, kills, what a town teaches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensorhub.config.settings import Settings
from sensorhub.errors import ConfigError
from sensorhub.estimate.usage import rough_week
from sensorhub.rules.schema import parse_rules
from tests.support.town import HOUR, SHIPPED, Town, native

DAYS = 15


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, SHIPPED)


def fills(town: Town, *levels: float, device: str = "d1") -> None:
    """An hour apart."""
    for level in levels:
        town.up(device, HOUR, fill_level=level)


def weeks(town: Town, days: int) -> None:
    """Bins that fill from 8 to 20 h and are emptied at night, all devices at once."""
    rng = np.random.default_rng(3)
    level = np.array([10.0, 20.0, 30.0])
    for hour in range(days * 24):
        level += np.where(8 <= hour % 24 < 20, rng.uniform(0, 4, 3), 0)
        if hour % 48 == 46:
            level[:] = 2
        town.clock.time += HOUR
        town.seq += 1
        town.take(
            native(d, {"fill_level": round(float(x), 1)}, seq=town.seq)
            for d, x in zip(("d1", "d2", "d3"), level, strict=True)
        )


def test_a_forecast_says_how_sure_it_is_and_how_full(town: Town) -> None:
    fills(town, 60, 64, 69, 75, 80, 84, 88, 92)
    (alert,) = town.alerts(all_=False)
    cause = alert["transitions"][0]["cause"]
    assert alert["rule"] == "bin_full"
    assert cause["value"] >= 95
    assert cause["fill"] == pytest.approx(80, abs=4)
    assert cause["measurement"] == "fill_level"


def test_an_emptying_ends_it_and_the_next_filling_is_an_alert_of_its_own(
    town: Town,
) -> None:
    fills(town, 80, 85, 90, 95, 100, 100, 4, 5, *range(10, 100, 5))
    assert town.story("bin_full", "bin-1") == [
        "firing warning",  # nobody knows yet how fast it fills
        "severity_changed urgent",
        "resolved urgent",
        "firing urgent",
    ]
    town.kill()
    assert ("bin_full", "bin-1") in town.open()


def test_a_crew_that_emptied_it_ends_the_alert(town: Town) -> None:
    fills(town, 80, 85)
    town.clock.time += HOUR
    town.act("service", asset="bin-1", kind="emptied")
    assert town.open() == {}
    fills(town, 4, 5)
    kinds = town.hub.connection.execute("SELECT kind, by_ FROM services ORDER BY id")
    assert kinds.fetchall() == [("first_uplink", "hub"), ("emptied", "wang")]


@pytest.mark.parametrize(
    ("time", "severity"), [("04:00", "urgent"), ("06:00", "warning")]
)
def test_rounds_say_until_when_a_forecast_looks(
    tmp_path: Path, time: str, severity: str
) -> None:
    rounds = [{"zone": "east", "kind": "bin", "times": [time]}]
    settings = Settings.model_validate({"rounds": rounds})
    town = Town(tmp_path, SHIPPED, settings=settings)
    fills(town, *range(50, 100, 5))  # until 5 h
    assert town.open() == {("bin_full", "bin-1"): severity}


def test_a_newcomer_is_due_but_not_urgent_unless_it_is_full(town: Town) -> None:
    fills(town, 85, 85)
    fills(town, 100, 100, device="d2")
    assert town.open()["bin_full", "bin-1"] == "warning"
    assert town.open()["bin_full", "bin-2"] == "urgent"


def state(town: Town) -> list[Any]:
    levels = town.hub.session.state.levels
    table = [
        levels.table[name].tobytes()
        for name in ("at", "f", "ff", "gained", "odds", "mark_at", "mark", "day_rate")
    ]
    learnt = levels.learning.learnt
    record = levels.learning.record.sums
    sums = [x.tobytes() for x in (learnt.gained, learnt.exposed, learnt.night, record)]
    return [*table, *sums, levels.learning.usage.shape.tobytes(), levels.learning.day]


def test_a_kill_changes_nothing_of_what_is_known_and_learnt(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    whole, killed = Town(tmp_path / "a", SHIPPED), Town(tmp_path / "b", SHIPPED)
    weeks(whole, 4)
    weeks(killed, 4)
    killed.kill()
    assert state(killed) == state(whole)
    killed.hub.checkpoint_all()
    killed.kill()
    assert state(killed) == state(whole)
    weeks(whole, 2)
    weeks(killed, 2)
    killed.kill()
    assert state(killed) == state(whole)


def test_the_town_teaches_when_it_fills(town: Town) -> None:
    weeks(town, DAYS)
    shape = (
        town.hub.session.state.levels.learning.usage.shape[0]
        .reshape(7, 24)
        .mean(axis=0)
    )
    rough = rough_week()[:24]
    assert rough[5:15].mean() < 1.2 * rough[18:].mean()
    assert shape[5:15].mean() > 1.7 * shape[18:].mean()  # its clock began at 20 h


FORECAST = """
[[rules]]
id = "x"
kind = "forecast"
category = "collect"
text = {zh-CN = "文", en = "text"}
"""


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ('{severity = "warning", raise = 95}', "needs a chance"),
        ('{severity = "warning", raise = 950, chance = "due"}', "at most 100 %"),
        ('{severity = "warning", raise = 95, chance = "later"}', "due"),
    ],
)
def test_an_unsound_forecast_is_refused(levels: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_rules(f"{FORECAST}levels = [{levels}]")
    assert says in str(error.value)


def test_other_kinds_take_no_chance() -> None:
    text = FORECAST.replace('"forecast"', '"threshold"\nmeasurement = "fill_level"')
    level = 'levels = [{severity = "warning", raise = 95, chance = "due"}]'
    with pytest.raises(ConfigError, match="takes no chance"):
        parse_rules(text + level)
