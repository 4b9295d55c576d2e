"""Paper, wet floors and cubicles of toilets, and the sensors that measure them."""

import json
from base64 import b64decode
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_sim.clock import parse_time
from firmware_sim.families.auxiliary import AUXILIARY, AuxiliaryReport
from firmware_sim.families.stored import STORED
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import ScenarioError, load
from firmware_sim.scenario.toilets import FixtureSettings
from firmware_sim.world.fixtures import ToiletFixtures
from firmware_sim.world.toilets import Cleaning
from tests.support.vectors import decode, values

SEEN = AuxiliaryReport((7, 6), (2, 1), 40.0, True, True, 21.4, 55.0, 90, 3)
STEPS_MS = 300_000
SAYS = {
    "count_in": 7,
    "count_out": 6,
    "total_a": 7,
    "leak": 1,
    "occupied": 1,
    "remaining": 40,
}


def test_visitors_use_paper_up_and_cleaners_fill_it() -> None:
    rooms = ToiletFixtures(FixtureSettings(paper_visits=100, leak_per_day=0), 2, 1)
    came = np.array([5, 0])
    before = rooms.state.paper.copy()
    rooms.step(came, [])
    assert (before - rooms.state.paper).tolist() == pytest.approx([5, 0])
    for _ in range(30):
        rooms.step(came, [])
    assert rooms.state.paper[0] == 0
    rooms.step(came * 0, [Cleaning(0, 0, 0.9, False), Cleaning(0, 1, 0, True)])
    assert rooms.state.paper.tolist() == pytest.approx([100, before[1]])


def test_a_wet_floor_is_dry_after_its_hours_or_a_cleaning() -> None:
    rooms = ToiletFixtures(FixtureSettings(leak_per_day=288, leak_hours=1), 2, 1)
    nobody = np.zeros(2, np.int64)
    begun = rooms.step(nobody, [])
    assert {(spell.row, spell.on) for spell in begun} == {(0, True), (1, True)}
    ended = rooms.step(nobody, [Cleaning(0, 0, 0.9, False)])
    assert [(spell.row, spell.on) for spell in ended] == [(0, False)]


def test_a_cubicle_is_taken_as_long_as_visits_last() -> None:
    rooms = ToiletFixtures(FixtureSettings(cubicles=4, dwell_s=(150, 150)), 1000, 1)
    rooms.step(np.full(1000, 2), [])  # 2 / 4 of half the step
    assert 0.2 < rooms.state.occupied.mean() < 0.3


def test_women_take_longer() -> None:
    taken = {}
    for women in (0.0, 1.0):
        rooms = ToiletFixtures(FixtureSettings(cubicles=4, women=women), 4000, 1)
        rooms.step(np.full(4000, 2), [])
        taken[women] = float(rooms.state.occupied.mean())
    assert taken[0.0] == pytest.approx(2 * 100 / 4 / 300, abs=0.03)
    assert taken[1.0] == pytest.approx(2 * 165 / 4 / 300, abs=0.03)


def test_visitors_are_men_and_women_and_use_soap() -> None:
    rooms = ToiletFixtures(
        FixtureSettings(women=0.25, soap_visits=100, leak_per_day=0), 1000, 1
    )
    before = rooms.state.soap.copy()
    rooms.step(np.full(1000, 4), [])
    men, women = rooms.state.visits
    assert (men + women == 4).all()
    assert women.mean() == pytest.approx(1, abs=0.1)
    assert (before - rooms.state.soap).tolist() == pytest.approx([4] * 1000)


@pytest.mark.parametrize("family", sorted(AUXILIARY))
def test_the_hub_reads_each_sensor(family: str) -> None:
    model = AUXILIARY[family]
    frame = decode(family, model.encode(SEEN).hex(), model.port)
    assert not frame.errors
    read = values(frame)
    known = {name: SAYS[name] for name in read if name in SAYS}
    assert known
    assert {name: read[name] for name in known} == pytest.approx(known)


@pytest.mark.parametrize("family", sorted(STORED.keys() & AUXILIARY.keys()))
def test_the_hub_reads_stored_records_at_their_time(family: str) -> None:
    model, stored = AUXILIARY[family], STORED[family]
    record = stored.encode(model.encode(SEEN), 1_772_000_000)
    now = values(decode(family, model.encode(SEEN).hex(), model.port))
    frame = decode(family, (record + record).hex(), stored.port)
    assert not frame.errors
    assert {field.measured_at for field in frame.fields} == {1_772_000_000_000}
    for name in ("count_in", "count_out", "leak", "temperature"):
        assert values(frame).get(name) == now.get(name)


@pytest.mark.slow  # a town of days
def test_a_town_with_sensors_beside(tmp_path: Path) -> None:
    told: dict[str, Any] = {"town.bins": 0, "town.toilets": 6, "town.days": 3}
    told |= {
        "families.beside": dict.fromkeys(AUXILIARY, 1.0),
        "fixtures.leak_per_day": 0.5,
    }
    write_trace("clean", load("clean", told), 1, tmp_path)
    files = [(tmp_path / f).read_text() for f in ("uplinks.jsonl", "labels.jsonl")]
    uplinks, labels = ([json.loads(x) for x in f.splitlines()] for f in files)
    devices = {x["asset"]: x["devices"] for x in labels if x["label"] == "asset"}
    assert {len(each) for each in devices.values()} == {1 + len(AUXILIARY)}
    said = defaultdict(list)
    for line in uplinks:
        if line["topic"].endswith("event/up"):
            body = json.loads(b64decode(line["payload"]))
            family = body["deviceInfo"]["deviceProfileName"]
            payload = b64decode(body["data"]).hex()
            read = values(decode(family, payload, body["fPort"]))
            asset = body["deviceInfo"]["deviceName"]
            said[family, asset].append((parse_time(line["received_at"]), read))
    for family in ("milesight-em300-sld", "browan-tbwl100"):
        for leak in (x for x in labels if x["label"] == "leak"):
            at = parse_time(leak["at"])
            came = [
                t for t, read in said[family, leak["asset"]] if read.get("leak") == 1
            ]
            assert any(at - STEPS_MS <= t <= at + STEPS_MS for t in came)
    paper = [x for x in labels if x["label"] == "supplies"]
    assert len(paper) == 6 * 3
    assert {len(x[name]) for x in paper for name in ("paper", "soap", "men")} == {24}


def test_an_unknown_family_beside_is_refused() -> None:
    with pytest.raises(ScenarioError, match="not beside a toilet"):
        load("default", {"families.beside": {"native": 0.5}})
