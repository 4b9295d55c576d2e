"""Families of a simulated fleet: read back by the hub, drawn by their shares."""

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.families.auxiliary import AUXILIARY
from firmware_sim.families.catalogue import (
    BINS,
    MODELS,
    TOILETS,
    AirReport,
    LevelReport,
)
from firmware_sim.families.versions import VERSIONS
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import ScenarioError, load
from firmware_sim.town.fleet import make_fleet
from tests.support.vectors import decode, values

SEEN = LevelReport(mm=730, celsius=21.4, tilt=0.0, battery=80, number=7)


@pytest.mark.parametrize("family", sorted(BINS))
def test_the_hub_reads_each_level_sensors_distance(family: str) -> None:
    model = BINS[family]
    frame = decode(family, model.encode(SEEN).hex(), model.port)
    assert not frame.errors
    assert values(frame)["distance"] == 730


@pytest.mark.parametrize("family", sorted(TOILETS))
def test_the_hub_reads_each_room_sensors_ammonia(family: str) -> None:
    model = TOILETS[family]
    air = AirReport(nh3=0.6, h2s=0.01, celsius=18.5, humidity=65, battery=80)
    frame = decode(family, model.encode(air).hex(), model.port)
    assert not frame.errors
    assert values(frame)["nh3"] == pytest.approx(0.6)


@pytest.mark.parametrize("family", sorted(TOILETS))
def test_vendors_gas_sensors_know_no_sign(family: str) -> None:
    model = TOILETS[family]
    low = AirReport(nh3=-0.4, h2s=0.0, celsius=-5.0, humidity=65, battery=5)
    frame = decode(family, model.encode(low).hex(), model.port)
    assert values(frame)["nh3"] == 0


@pytest.mark.parametrize("family", sorted(BINS))
@pytest.mark.parametrize("battery", [1, 100])
@pytest.mark.parametrize("celsius", [-15.0, 110.0])
def test_no_weather_breaks_a_level_sensor(
    family: str, battery: int, celsius: float
) -> None:
    for mm in (30, 1050):
        lying = LevelReport(mm, celsius, 180.0, battery, 7)
        assert BINS[family].encode(lying)


def test_devices_are_drawn_by_their_shares() -> None:
    shares = {"native": 3, "dragino-ldds75": 1}
    scenario = load("default", {"families.bin": shares, "town.bins": 2000})
    fleet = make_fleet(scenario, 1)
    found = Counter(fleet.families[: fleet.bins])
    assert found.keys() == shares.keys()
    assert 420 < found["dragino-ldds75"] < 580
    assert len(set(fleet.devices)) == fleet.rows
    mine = [
        d for d, f in zip(fleet.devices, fleet.families, strict=True) if "ldds" in f
    ]
    assert all(len(device) == 16 and device.startswith("a84041") for device in mine)


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match=r"families: no such family: \['acme'\]"):
        load("default", {"families.bin": {"acme": 1}})


def test_a_mixed_town_gives_the_same_bytes_again(tmp_path: Path) -> None:
    told = {"town.bins": 30, "town.toilets": 4, "town.days": 1}
    for again in ("a", "b"):
        write_trace("mixed", load("mixed", told), 1, tmp_path / again)
    for name in ("uplinks.jsonl", "labels.jsonl", "fleet.csv"):
        one, two = ((tmp_path / again / name).read_bytes() for again in ("a", "b"))
        assert one == two


def test_devices_lists_every_family_with_what_it_sends() -> None:
    told = CliRunner().invoke(app, ["devices"])
    assert told.exit_code == 0
    assert all(family in told.output for family in (*MODELS, "native"))
    rows = json.loads(CliRunner().invoke(app, ["devices", "--json"]).output)
    assert {row["family"] for row in rows} == {*MODELS, *AUXILIARY, "native"}
    told_of = {version["name"] for row in rows for version in row["versions"]}
    assert told_of == set(VERSIONS)
    assert all(row["sends"] for row in rows)
