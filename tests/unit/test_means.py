"""Rules by a standard on a town: the mean over a window, the device's temperature."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorhub.alerts.rolling_mean import STEPS, RollingMean
from tests.support.town import HEADER, MINUTE, SHIPPED, Town, native

MEAN = """
[[rules]]
id = "foul"
kind = "threshold"
category = "clean"
measurement = "nh3"
select = { kinds = ["toilet"] }
levels = [{ severity = "warning", standard = "gb-t-17217-1998/class-3/nh3", clear = 2 }]
over = "30m"
text = { zh-CN = "氨", en = "{value} {unit} over {limit} {unit}, {standard}" }
"""
AT_ONCE = MEAN.replace('"30m"', '"at once"')
WINDOW = 30 * MINUTE


def test_a_mean_is_known_once_samples_cover_the_window() -> None:
    mean = RollingMean()
    found = [mean.add(n * 10 * MINUTE, 4.0, WINDOW, WINDOW) for n in range(5)]
    assert found == [None, None, None, 4.0, 4.0]


def test_a_pause_longer_than_the_window_or_max_gap_begins_anew() -> None:
    for pause, longest in ((31 * MINUTE, 99 * MINUTE), (11 * MINUTE, 10 * MINUTE)):
        mean = RollingMean()
        for n in range(7):
            mean.add(n * 5 * MINUTE, 4.0, WINDOW, longest)
        assert mean.add(30 * MINUTE + pause, 4.0, WINDOW, longest) is None


def test_a_device_that_babbles_keeps_no_more_than_a_window_needs() -> None:
    mean, found = RollingMean(), None
    for at in range(0, 2 * WINDOW, 100):
        found = mean.add(at, at / WINDOW, WINDOW, WINDOW)
        assert len(mean.times) <= 2 * STEPS + 3
    assert found == pytest.approx(1.5, rel=0.01)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 100)), min_size=2, max_size=40)
)
def test_it_is_the_area_under_straight_lines(steps: list[tuple[int, float]]) -> None:
    assert len(steps) > 1
    mean, at, points = RollingMean(), 0, []
    for step, value in steps:
        at += step
        points.append((at, value))
        found = mean.add(at, value, 30, 30)
        if at - points[0][0] < 30:
            assert found is None
            continue
        cuts = sorted({at - 30, *(t for t, _ in points if t > at - 30)})
        area = sum(
            (_line(points, a) + _line(points, b)) / 2 * (b - a)
            for a, b in pairwise(cuts)
        )
        assert found == pytest.approx(area / 30)


def _line(points: list[tuple[int, float]], at: int) -> float:
    """The value at `at` on the straight lines through the points."""
    for (left, first), (right, last) in pairwise(points):
        if left <= at <= right:
            return first + (last - first) * (at - left) / (right - left)
    raise AssertionError(at)


def test_one_high_sample_is_no_mean_and_a_lasting_level_is(tmp_path: Path) -> None:
    town = Town(tmp_path, MEAN)
    for ppm in (1, 1, 1, 9, 1, 1, 1):
        town.up("w1", 10 * MINUTE, nh3=ppm)
    assert town.story("foul", "wc-1") == []
    for _ in range(3):
        town.up("w1", 10 * MINUTE, nh3=5)
    assert town.story("foul", "wc-1") == ["firing warning"]
    for _ in range(3):
        town.up("w1", 10 * MINUTE, nh3=0)
    assert town.story("foul", "wc-1")[-1] == "resolved warning"


def test_samples_too_far_apart_judge_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path, MEAN)
    for _ in range(6):
        town.up("w1", 40 * MINUTE, nh3=50)
    assert town.story("foul", "wc-1") == []


def test_a_window_half_full_survives_a_kill(tmp_path: Path) -> None:
    town = Town(tmp_path, MEAN)
    for checkpoint in (False, True):
        for _ in range(2):
            town.up("w1", 10 * MINUTE, nh3=9)
        if checkpoint:
            town.hub.checkpoint_all()
        town.kill()
    assert town.story("foul", "wc-1") == ["firing warning"]
    town.kill()
    assert town.open() == {("foul", "wc-1"): "warning"}


def test_the_alert_says_which_clause_decided_and_how(tmp_path: Path) -> None:
    town = Town(tmp_path, MEAN)
    for _ in range(4):
        town.up("w1", 10 * MINUTE, nh3=5, temperature=10)
    alert = town.alerts()[0]
    cause = alert["transitions"][0]["cause"]
    assert cause["standard"] == "gb-t-17217-1998/class-3/nh3"
    assert cause["clause"] == "GB/T 17217-1998, class-3/nh3: 3 mg/m³ (superseded)"
    assert (cause["unit"], cause["celsius"], cause["mean_min"]) == ("mg/m³", 10, 30)
    assert cause["value"] == pytest.approx(3.665, abs=0.001)
    assert alert["text"]["en"] == "3.67 mg/m³ over 3 mg/m³, GB/T 17217-1998"
    assert "judged" not in cause


def test_judging_a_mean_at_once_is_said(tmp_path: Path) -> None:
    town = Town(tmp_path, AT_ONCE)
    town.up("w1", nh3=5)
    cause = town.alerts()[0]["transitions"][0]["cause"]
    assert cause["judged"].startswith("at once: stricter")


@pytest.mark.parametrize(
    ("celsius", "ppm", "fires"),
    [(None, 4.3, False), (None, 4.32, True), (0, 3.94, False), (0, 3.96, True)],
)
def test_a_gas_is_judged_at_its_own_devices_temperature(
    tmp_path: Path, celsius: float | None, ppm: float, fires: bool
) -> None:
    town = Town(tmp_path, AT_ONCE)
    town.up("d1", 0, temperature=-40)  # another's
    if celsius is not None:
        town.up("w1", MINUTE, temperature=celsius)
    town.up("w1", MINUTE, nh3=ppm)
    assert bool(town.open()) is fires


@pytest.mark.parametrize("together", [True, False])
def test_batches_do_not_matter_to_the_temperature(
    tmp_path: Path, together: bool
) -> None:
    town = Town(tmp_path, AT_ONCE)
    at = town.clock.time
    sent = [
        native(
            "w1", {"nh3": 4, "temperature": 0}, seq=1, ts=at - 3000
        ),  # its own first
        native("w1", {"temperature": 30}, seq=2, ts=at - 2000),
    ]
    for batch in [sent] if together else [[one] for one in sent]:
        town.take(batch)
    assert town.story("foul", "wc-1") == ["firing warning"]


def test_classes_are_tags_of_the_asset(tmp_path: Path) -> None:
    fleet = (
        f"{HEADER}\neast,hall,wc-1,toilet,w1,native,,,toilet-class-1,,\n"
        "east,hall,wc-2,toilet,w2,native,,,toilet-class-3,,\n"
        "east,hall,wc-3,toilet,w3,native,,,,,\n"
    )
    rules = AT_ONCE.replace("class-3", "class-2").replace("clear = 2", "clear = 1")
    town = Town(tmp_path, rules, fleet)
    for device in ("w1", "w2", "w3"):
        town.up(device, MINUTE, nh3=2)
    assert set(town.open()) == {("foul", "wc-1")}


@pytest.mark.parametrize(("limit", "fires"), [("class-2", False), ("class-3", True)])
def test_a_sensor_that_cannot_judge_the_limit_is_not_asked(
    tmp_path: Path, limit: str, fires: bool
) -> None:
    fleet = (
        f"{HEADER}\neast,hall,wc-1,toilet,w1,native,,,toilet-class-2,,\n"
        "east,hall,wc-2,toilet,w2,milesight-gs301,,,toilet-class-2,,\n"
    )
    rules = AT_ONCE.replace("class-3", limit).replace("clear = 2", "clear = 1")
    town = Town(tmp_path, rules, fleet)
    for device in ("w1", "w2"):
        town.up(device, MINUTE, nh3=200)
    assert [r.value for r in town.readings("wc-2", "nh3")] == [200]
    assert set(town.open()) == {("foul", f"wc-{n}") for n in range(1, 2 + fires)}
    unjudged = [] if fires else [("foul", "milesight-gs301", 1)]
    assert list(town.hub.session.state.rules.selector.unjudged()) == unjudged


def test_the_shipped_toilet_rule_names_its_standard_in_what_people_read(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path, SHIPPED)
    for _ in range(2):
        town.up("w1", 10 * MINUTE, nh3=5)
    texts = {view["rule"]: view["text"]["en"] for view in town.alerts()}
    assert texts["toilet_nh3"] == (
        "wc-1: NH3 3.48 mg/m³, over 3 mg/m³ (GB/T 17217-1998)"
    )


LIMIT = 'standard = "gb-t-17217-1998/class-3/nh3"'


@pytest.mark.parametrize(
    ("old", "new"), [('"30m"', '"20m"'), (LIMIT, "raise = 30")], ids=["window", "unit"]
)
def test_values_kept_for_another_mean_are_dropped(
    tmp_path: Path, old: str, new: str
) -> None:
    town = Town(tmp_path, MEAN)
    for _ in range(3):
        town.up("w1", 10 * MINUTE, nh3=9)
    assert [
        len(t.mean.times) for t in town.hub.session.state.rules.tracks.values()
    ] == [3]
    town.act("rules_file", text=MEAN.replace(old, new))
    assert all(not t.mean.times for t in town.hub.session.state.rules.tracks.values())
