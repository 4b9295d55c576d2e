"""How alerts end: by data, and with their rule, mounting or asset."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sensorhub.alerts.event import rfc3339
from sensorhub.fleet import parse_fleet_text
from tests.support.town import DAY, FIRE, FLEET, HOUR, MINUTE, SHIPPED, UP, Town

RULES = UP + FIRE


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, RULES)


def register(town: Town, text: str) -> dict[str, Any]:
    rows = parse_fleet_text(text, "more.csv", ZoneInfo("UTC"))
    return town.act("fleet_import", rows=rows.to_json())


def rules(town: Town, text: str) -> dict[str, Any]:
    return town.act("rules_file", text=text)


def test_a_rule_that_is_removed_ends_its_alerts_and_fires_anew_when_it_is_back(
    town: Town,
) -> None:
    town.up("d1", fill_level=85, temperature=45)
    rules(town, FIRE)
    assert town.open() == {("hot", "bin-1"): "warning"}
    view = next(v for v in town.alerts() if v["rule"] == "full")
    assert view["transitions"][-1]["cause"]["reason"] == "rule_removed"
    rules(town, RULES)
    town.up("d1", MINUTE, fill_level=86)
    assert town.open()["full", "bin-1"] == "warning"
    assert len({v["id"] for v in town.alerts()}) == 3


def test_a_rule_that_looks_away_ends_its_alerts(town: Town) -> None:
    town.up("d1", fill_level=85)
    rules(town, UP.replace("text =", 'select = {zones = ["west"]}\ntext ='))
    assert town.open() == {}


def test_other_thresholds_decide_at_the_next_sample(town: Town) -> None:
    town.up("d1", fill_level=85)
    text = UP.replace("raise = 80, clear = 70", "raise = 88, clear = 86")
    rules(town, text)
    assert town.open() == {("full", "bin-1"): "warning"}
    town.up("d1", MINUTE, fill_level=85)
    assert town.open() == {}


def test_a_rule_with_other_levels_keeps_the_alert_and_can_end_it(town: Town) -> None:
    town.up("d1", fill_level=95)
    text = UP.replace('  {severity = "warning", raise = 80, clear = 70},\n', "")
    rules(town, text)
    assert town.open() == {("full", "bin-1"): "urgent"}
    town.up("d1", MINUTE, fill_level=85)
    assert town.open() == {("full", "bin-1"): "urgent"}
    town.up("d1", MINUTE, fill_level=79)
    assert town.open() == {}


def test_retired_and_unmounted_end_an_alert(town: Town) -> None:
    for device in ("d1", "d2"):
        town.up(device, fill_level=85)
    register(town, "asset,retired\nbin-1,yes\n")
    register(town, "asset,device,until\nbin-2,d2,2026-11-18T00:00:00Z\n")
    assert town.open() == {}
    causes = {
        v["asset"]: v["transitions"][-1]["cause"]["reason"] for v in town.alerts()
    }
    assert causes == {"bin-1": "retired", "bin-2": "unmounted"}


def test_a_mounting_that_ends_in_time_ends_the_alert_then(town: Town) -> None:
    town.up("d1", fill_level=85)
    register(town, "asset,device,until\nbin-1,d1,2026-11-18T12:00:00Z\n")
    town.tick(53 * MINUTE)
    assert town.open() == {("full", "bin-1"): "warning"}
    town.tick(MINUTE)
    assert town.open() == {}


def test_a_swapped_device_keeps_the_assets_history_in_one_piece(town: Town) -> None:
    town.up("d1", fill_level=85)
    swap = "2026-11-18T11:10:00Z"
    row = f"bin-1,d8,native,d1,{swap}"
    assert "error" not in register(town, f"asset,device,profile,replaces,from\n{row}\n")
    town.tick(10 * MINUTE)
    town.up("d8", MINUTE, fill_level=95)
    assert town.open() == {("full", "bin-1"): "urgent"}
    town.up("d8", MINUTE, fill_level=40)
    assert town.open() == {}
    found = town.readings("bin-1", "fill_level")
    assert [(r.device, r.value) for r in found] == [("d1", 85), ("d8", 95), ("d8", 40)]
    # 95 -> 40 is no emptying, nor is 85 of one sensor -> 5 of another
    kinds = town.hub.connection.execute("SELECT kind FROM services").fetchall()
    assert kinds == [("first_uplink",)]


def test_the_worst_sensor_unmounted_leaves_what_the_other_says(tmp_path: Path) -> None:
    town = Town(tmp_path, RULES, FLEET + "east,park,bin-1,bin,d9,native,,,,,\n")
    town.up("d1", fill_level=85)
    town.up("d9", fill_level=95)
    assert town.open() == {("full", "bin-1"): "urgent"}
    register(town, "asset,device,until\nbin-1,d9,2026-11-18T00:00:00Z\n")
    assert town.open() == {("full", "bin-1"): "warning"}


def test_a_device_moved_to_another_asset_raises_there_anew(town: Town) -> None:
    town.up("d1", fill_level=85)
    text = (
        "asset,device,from,until\nbin-1,d1,,2026-11-18T11:10:00Z\n"
        "bin-2,d1,2026-11-18T11:10:00Z,\n"
    )
    assert "error" not in register(town, text)
    town.tick(10 * MINUTE)
    assert town.open() == {}
    town.up("d1", MINUTE, fill_level=85)
    assert town.open() == {("full", "bin-2"): "warning"}


def test_a_silent_device_alert_removed_with_its_rule_comes_back_as_another(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    for device in ("d1", "d2", "d3", "w1"):
        town.up(device, fill_level=5)
    town.wait(DAY, HOUR)
    assert town.open()["silent_device", "bin-1"] == "device"
    rules(town, UP)
    assert ("silent_device", "bin-1") not in town.open()
    town.tick(MINUTE)
    rules(town, SHIPPED)
    town.tick(MINUTE)
    assert town.open()["silent_device", "bin-1"] == "device"
    story = town.story("silent_device", "bin-1")
    assert story == ["firing device", "resolved device", "firing device"]


def test_a_swapped_sensor_leaves_the_bin_as_full_as_it_was(town: Town) -> None:
    town.up("d1", fill_level=104)
    assert [a["rule"] for a in town.alerts(all_=False)] == ["full"]
    at = rfc3339(town.clock.time)
    swap = f"asset,device,profile,from,until\nbin-1,d1,,,{at}\nbin-1,d1b,native,{at},\n"
    register(town, swap)
    assert [a["rule"] for a in town.alerts(all_=False)] == ["full"]
    town.wait(HOUR)
    town.up("d1b", fill_level=12)
    assert town.alerts(all_=False) == []
