"""Each rule of config/rules.toml on a small series: it fires, and it clears."""

from pathlib import Path

import pytest

from sensorhub.rules.schema import parse_rules
from tests.support.town import DAY, HOUR, MINUTE, SHIPPED, Town

Series = list[tuple[int, float]]

SAMPLED: list[tuple[str, str, str, Series, list[str]]] = [
    (  # due beyond doubt, and emptied
        "bin_full",
        "d1",
        "fill_level",
        [(0, 40), *[(60, 40 + 3 * n) for n in range(1, 21)], (60, 4)],
        ["firing urgent", "resolved urgent"],
    ),
    (  # an echo from nowhere
        "bin_full",
        "d1",
        "fill_level",
        [(0, 40), (60, 41), (60, 95), (60, 43), (60, 44)],
        [],
    ),
    (
        "toilet_nh3",
        "w1",
        "nh3",
        [(0, 4.31), (10, 4.5), (10, 3.1), (10, 2.9)],
        ["firing warning", "resolved warning"],
    ),
    (
        "gas_nh3",
        "d1",
        "nh3",
        [(0, 24.9), (1, 25), (1, 20), (1, 19.9)],
        ["firing danger", "resolved danger"],
    ),
    (
        "gas_h2s",
        "d1",
        "h2s",
        [(0, 7.1), (1, 7.2), (1, 5), (1, 4.9)],
        ["firing danger", "resolved danger"],
    ),
    (
        "toilet_leak",
        "w1",
        "leak",
        [(0, 0), (1, 1), (1, 0)],
        ["firing urgent", "resolved urgent"],
    ),
    (
        "fire",
        "d1",
        "temperature",
        [(0, 64.9), (1, 65), (1, 50), (1, 49.9)],
        ["firing danger", "resolved danger"],
    ),
    (  # two of three: one knock is none
        "tilted",
        "d1",
        "tilted",
        [(0, 1), (1, 0), (1, 0), (1, 1), (1, 1), (1, 0), (1, 0)],
        ["firing device", "resolved device"],
    ),
    (
        "low_battery",
        "d1",
        "battery_days",
        [(0, 31), (60, 30), (60, 45), (60, 46)],
        ["firing device", "resolved device"],
    ),
    (
        "sensor_stuck",
        "d1",
        "stuck_hours",
        [(0, 5.9), (60, 6), (60, 1), (60, 0)],
        ["firing device", "resolved device"],
    ),
    (
        "sensor_drift",
        "w1",
        "zero_drift",
        [(0, 0.29), (60, 0.3), (60, 0.15), (60, 0.14)],
        ["firing device", "resolved device"],
    ),
    (
        "sensor_faulty",
        "d1",
        "suspect_share",
        [(0, 24), (60, 25), (60, 10), (60, 9)],
        ["firing device", "resolved device"],
    ),
]


@pytest.mark.parametrize(
    ("rule", "device", "measurement", "series", "story"),
    SAMPLED,
    ids=[f"{row[0]}-{i}" for i, row in enumerate(SAMPLED)],
)
def test_a_series_of_values_fires_and_clears_it(
    tmp_path: Path,
    rule: str,
    device: str,
    measurement: str,
    series: Series,
    story: list[str],
) -> None:
    town = Town(tmp_path)
    for minutes, value in series:
        town.up(device, minutes * MINUTE, **{measurement: value})
    asset = {"d1": "bin-1", "w1": "wc-1"}[device]
    assert town.story(rule, asset) == story


@pytest.mark.parametrize(
    ("rule", "device", "values"),
    [
        ("bin_full", "w1", {"fill_level": 99}),
        ("toilet_nh3", "d1", {"nh3": 9}),
        ("toilet_leak", "d1", {"leak": 1}),
    ],
)
def test_it_looks_only_at_its_kinds_of_assets(
    tmp_path: Path, rule: str, device: str, values: dict[str, float]
) -> None:
    town = Town(tmp_path)
    for _ in range(3):
        town.up(device, 10 * MINUTE, **values)
    assert {view["rule"] for view in town.alerts()}.isdisjoint({rule})


def test_odour_is_unknown_for_a_day_and_then_the_rise_over_its_own_usual_level(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    for _ in range(24 * 2):
        town.up("w1", 30 * MINUTE, nh3=1.5)
    assert town.readings("wc-1", "odour_rise") == []
    town.up("w1", 30 * MINUTE, nh3=1.5)
    assert [r.value for r in town.readings("wc-1", "odour_rise")] == [0]
    for nh3 in (1.7, 1.94, 1.98, 2.1, 2.3, 2.5, 2.52, 2.52, 2.4, 2.27, 2.27):
        town.up("w1", 30 * MINUTE, nh3=nh3)
    assert town.story("toilet_odour", "wc-1") == [
        "firing warning",
        "severity_changed urgent",
        "severity_changed warning",
    ]
    for nh3 in (1.84, 1.8, 1.8):
        town.up("w1", 30 * MINUTE, nh3=nh3)
    assert town.story("toilet_odour", "wc-1")[-1] == "resolved warning"


def test_three_hundred_visits_ask_for_a_cleaning_which_ends_it(tmp_path: Path) -> None:
    town = Town(tmp_path)
    for count in (1_000, 1_299):
        town.up("w1", HOUR, count_in=count)
    assert town.story("toilet_visits", "wc-1") == []
    town.up("w1", HOUR, count_in=1_300)
    assert town.story("toilet_visits", "wc-1") == ["firing warning"]
    town.act("service", asset="wc-1", kind="cleaned")
    assert town.story("toilet_visits", "wc-1")[-1] == "resolved warning"
    town.up("w1", HOUR, count_in=1_599)
    assert town.open() == {}
    town.up("w1", HOUR, count_in=1_600)
    assert town.open() == {("toilet_visits", "wc-1"): "warning"}


def test_a_daily_bin_is_overdue_after_a_day_and_an_emptying_ends_it(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    for _ in range(25):
        for device in ("d1", "d2", "d3", "w1"):
            town.up(device, fill_level=50)
        town.tick(HOUR)
    overdue = {("bin_overdue", "bin-1"), ("bin_overdue", "bin-3")}
    assert set(town.open()) == overdue  # bin-2 has not the tag
    town.up("d1", fill_level=3)
    assert set(town.open()) == overdue - {("bin_overdue", "bin-1")}
    assert town.story("bin_overdue", "bin-1") == ["firing warning", "resolved warning"]


def test_a_device_is_silent_after_eight_intervals_and_a_word_ends_it(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    town.take([])
    interval = town.hub.session.registry.interval_ms[1] / HOUR
    town.up("d1", fill_level=5)
    town.wait(max(2 * HOUR, int(8 * interval * HOUR)), MINUTE)
    assert ("silent_device", "bin-1") not in town.open()
    town.tick(MINUTE)
    assert town.open()["silent_device", "bin-1"] == "device"
    town.up("d1", MINUTE, fill_level=5)
    assert ("silent_device", "bin-1") not in town.open()


def test_every_shipped_rule_stands_in_these_tests() -> None:
    others = {
        "toilet_odour",
        "toilet_visits",
        "bin_overdue",
        "silent_device",
        "gateway_outage",  # test_outages.py
        "zone_outage",
    }
    tested = {row[0] for row in SAMPLED} | others
    assert {rule.id for rule in parse_rules(SHIPPED).rules} == tested


def test_a_quiet_week_raises_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    for hour in range(7 * 24):
        for device in ("d1", "d2", "d3"):
            fill = 4.0 + hour % 20
            town.up(device, fill_level=fill, temperature=20, battery=90, tilted=0)
        town.up("w1", nh3=0.5, count_in=hour * 3, leak=0)
        if hour % 12 == 0:
            town.act("service", asset="wc-1", kind="cleaned")
        town.tick(HOUR)
    assert town.clock.time > 7 * DAY
    assert town.alerts() == []
