"""Scripted events: each built-in scenario shows in truth, labels and uplinks."""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.clock import parse_time
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import Scenario, ScenarioError, load
from firmware_sim.scenario.events import AMOUNTS

# days of a town are simulated in each test
pytestmark = pytest.mark.slow

HOUR = 3_600_000
DAY = 24 * HOUR
Row = dict[str, Any]


@dataclass
class Story:
    """A trace of a built-in scenario."""

    start: int  # local midnight, epoch ms
    labels: list[Row]
    said: list[tuple[str, int, Row]]  # device, measured at, measurements

    def kind(self, label: str) -> list[Row]:
        return [each for each in self.labels if each["label"] == label]

    def faults(self, fault: str) -> list[Row]:
        return [each for each in self.kind("fault") if each["fault"] == fault]

    def at(self, day: int, hour: float = 0) -> int:
        return self.start + (day - 1) * DAY + round(hour * HOUR)

    def between(self, begin: int, end: int) -> list[tuple[str, Row]]:
        return [(device, m) for device, at, m in self.said if begin <= at < end]

    def mean(self, label: str, key: str, begin: int, end: int) -> dict[str, float]:
        """The mean of a true column within a period, by asset."""
        found: dict[str, list[float]] = {}
        for each in self.kind(label):
            first, step = parse_time(each["at"]), each["step_s"] * 1000
            for i, value in enumerate(each[key]):
                if begin <= first + i * step < end:
                    found.setdefault(each["asset"], []).append(value)
        return {asset: float(np.mean(values)) for asset, values in found.items()}


def zone(asset: str) -> int:
    return (int(asset[3:]) - 1) % 10 + 1


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Story]:
    def tell(name: str, days: int, toilets: int = 0, bins: int = 60) -> Story:
        sizes = {"town.days": days, "town.toilets": toilets, "town.bins": bins}
        scenario = load(name, sizes)
        write_trace(name, scenario, 5, tmp_path)
        labels = _lines(tmp_path / "labels.jsonl")
        odd = {
            each["line"]
            for each in labels
            if each.get("why") in ("garbage", "stranger", "leftover")
        }
        said = []
        for line, uplink in enumerate(_lines(tmp_path / "uplinks.jsonl"), 1):
            if line not in odd and uplink["topic"].endswith("/up"):
                body = json.loads(b64decode(uplink["payload"]))
                said.append((uplink["topic"].split("/")[3], body["ts"], body["m"]))
        return Story(parse_time(labels[0]["start"]), labels, said)

    return tell


def _lines(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


Tell = Callable[..., Story]


def test_an_ordinary_week_has_no_event(told: Tell) -> None:
    story = told("ordinary_week", 2)
    assert not story.kind("event")


def test_a_festival_fills_the_bins_of_its_zones(told: Tell) -> None:
    story = told("festival", 5)
    span = story.at(5, 16), story.at(6)
    gains = story.mean("fill", "gain", *span)
    usual = story.mean("fill", "gain", story.at(3, 16), story.at(4))
    here, there = (
        sum(gains[a] for a in gains if (zone(a) <= 2) == inside)
        / sum(usual[a] for a in gains if (zone(a) <= 2) == inside)
        for inside in (True, False)
    )
    assert here > 2 * there
    event = story.kind("event")[0]
    assert (event["what"], parse_time(event["at"])) == ("crowd", span[0])
    assert {zone(asset) for asset in event["assets"]} == {1, 2}


def test_spring_festival_moves_waste_to_homes_and_stops_rounds(told: Tell) -> None:
    story = told("spring_festival", 9)
    gains = story.mean("fill", "gain", story.at(8), story.at(10))
    usual = story.mean("fill", "gain", story.at(1), story.at(6))
    homes, offices = (
        sum(gains[a] for a in gains if (zone(a) <= 5) == home)
        / sum(usual[a] for a in gains if (zone(a) <= 5) == home)
        for home in (True, False)
    )
    assert homes > 2.5 * offices
    assert not _within(story.kind("emptied"), story.at(8), story.at(10))


def test_a_heat_wave_warms_bins_and_makes_toilets_foul(told: Tell) -> None:
    story = told("heat_wave", 8, toilets=12, bins=20)
    cool, hot = (story.at(3), story.at(5)), (story.at(6), story.at(8))
    degrees = [
        np.mean(
            [m["temperature"] for device, m in story.between(*span) if device < "m"]
        )
        for span in (cool, hot)
    ]
    assert degrees[1] - degrees[0] > 5
    foul = [np.mean(list(story.mean("gas", "nh3", *s).values())) for s in (cool, hot)]
    assert foul[1] > 1.4 * foul[0]


def _within(rows: list[Row], begin: int, end: int) -> list[Row]:
    return [row for row in rows if begin <= parse_time(row["at"]) < end]


def test_on_strike_nobody_comes(told: Tell) -> None:
    story = told("strike", 8, toilets=4)
    span = story.at(6, 0.2), story.at(9)
    assert not _within(story.kind("emptied"), *span)
    assert len(_within(story.kind("round_missed"), *span)) > 20
    cleaned = _within(story.kind("cleaned"), *span)
    assert cleaned
    assert all(each["skipped"] for each in cleaned)
    assert _within(story.kind("emptied"), story.at(5), story.at(6))


def test_a_dead_gateway_takes_its_zone_with_it(told: Tell) -> None:
    story = told("gateway_dead", 7)
    down = _within(story.kind("gateway_down"), story.at(6, 9.9), story.at(6, 10.1))
    gateways = {a["gateway"] for a in story.kind("asset") if a["zone"] == "zone03"}
    assert {each["gateway"] for each in down} >= gateways
    lost = _within(story.kind("lost"), story.at(6, 10.1), story.at(7, 16))
    zones = {a["devices"][0]: a["zone"] for a in story.kind("asset")}
    why = Counter(x["why"] for x in lost if zones[x["device"]] == "zone03")
    assert why["gateway"] > 100
    silent = story.between(story.at(6, 10.1), story.at(7, 15.9))
    assert not [device for device, _ in silent if zones[device] == "zone03"]


def test_a_firmware_gone_wrong_sticks_and_hangs(told: Tell) -> None:
    story = told("firmware_rollout", 8)
    span = story.at(6, 10.9), story.at(6, 11.1)
    hung = {f["device"] for f in _within(story.faults("offline"), *span)}
    assert len(hung) >= 2
    later = story.between(story.at(6, 12), story.at(8, 10))
    assert not hung & {device for device, _ in later}
    stuck = _within(story.faults("stuck"), story.at(6, 11), story.at(7, 11))
    assert len({fault["device"] for fault in stuck}) >= 5
    for fault in stuck:
        told_since = round(parse_time(fault["at"]) + 1.5 * HOUR)
        until = parse_time(fault["until"] or "2027-01-01T00:00:00Z") - HOUR
        said = story.between(told_since, until)
        assert len({m["distance"] for who, m in said if who == fault["device"]}) <= 1
    ended = [f for f in stuck if f["until"]]
    assert len(ended) > 0.9 * len(stuck)  # taken back on day 8


def test_a_fire_is_hot_at_once_and_leaves_little(told: Tell) -> None:
    story = told("fire_at_night", 6)
    hot = {
        device
        for device, m in story.between(story.at(6, 2), story.at(6, 4.2))
        if m["temperature"] >= 85
    }
    assert len(hot & {"level-00007", "level-00017", "level-00027"}) >= 2
    assert hot <= {"level-00007", "level-00017", "level-00027"}
    before = story.mean("fill", "fill", story.at(6, 1.5), story.at(6, 2))
    after = story.mean("fill", "fill", story.at(6, 4.25), story.at(6, 5))
    for asset in ("bin00007", "bin00017", "bin00027"):
        assert after[asset] < max(0.6 * before[asset], 8)


def test_vandals_tip_bins_over(told: Tell) -> None:
    story = told("vandalism", 7)
    night = story.between(story.at(6, 23), story.at(7, 10))
    lying = {device for device, m in night if m.get("tilt", 0) >= 30}
    (tipped,) = [x for x in story.kind("event") if x["what"] == "tipped"]
    assert lying
    assert lying <= {f"level-{asset[3:]}" for asset in tipped["assets"]}
    early = story.between(story.start, story.at(6, 22))
    assert not [m for _, m in early if "tilt" in m]


def test_a_blocked_toilet_stinks(told: Tell) -> None:
    story = told("toilet_blocked", 7, toilets=12, bins=0)
    usual = story.mean("gas", "nh3", story.at(5, 9), story.at(6, 9))
    foul = story.mean("gas", "nh3", story.at(6, 14), story.at(7, 9))
    worse = {asset for asset in usual if foul[asset] > 3 * usual[asset]}
    assert worse == {"wc0003", "wc0011"}


def test_ice_stands_before_the_sensors(told: Tell) -> None:
    story = told("sensors_iced", 6)
    night = story.at(5, 22), story.at(6, 10)
    iced = {
        f["device"] for f in _within(story.faults("obstructed"), night[0], night[1])
    }
    assert 8 <= len(iced) <= 32
    seen = [m["distance"] for device, m in story.between(*night) if device in iced]
    assert np.mean([mm == 30 for mm in seen]) > 0.85


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ('what = "flood"\nday = 1\nhours = 1', "events.0.what"),
        ('what = "fire"\nday = 0\nhours = 1', "events.0.day"),
        (
            'what = "fire"\nday = 1\nhours = 1\namount = 20',
            "amount of fire is 60 to 125",
        ),
        ('what = "strike"\nday = 1\nhours = 1\namount = 2', "strike has no amount"),
        (
            'what = "heat"\nday = 1\nhours = 1\nzones = [11]',
            r"zones are 1 to 10: \[11\]",
        ),
        ('what = "heat"\nday = 1\nhours = 1\nzone = 1', "events.0.zone: no such key"),
    ],
)
def test_an_unsound_event_is_refused(events: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text(f'base = "default"\n[[events]]\n{events}\n')
    with pytest.raises(ScenarioError, match=fault):
        load(str(file))


def test_every_amount_has_a_default_within_its_span() -> None:
    assert AMOUNTS
    for low, high, usual in AMOUNTS.values():
        assert low <= usual <= high


def test_events_leave_the_rest_of_chance_as_it_was(tmp_path: Path) -> None:
    """A town with an event differs from the same town without only by the event."""
    sizes = {"town.bins": 20, "town.toilets": 2, "town.days": 3}
    for name, scenario in (
        ("with", load("fire_at_night", sizes)),
        ("without", load("default", sizes)),
    ):
        assert isinstance(scenario, Scenario)
        write_trace("town", scenario, 1, tmp_path / name)
    one, two = (
        (tmp_path / name / "uplinks.jsonl").read_bytes() for name in ("with", "without")
    )
    assert one == two
