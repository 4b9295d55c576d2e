"""Flawed firmware: what each version reports, labelled as long as it runs."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.clock import parse_time
from firmware_sim.families.catalogue import MODELS, NATIVE
from firmware_sim.families.versions import OLD, VERSIONS
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import ScenarioError, load
from tests.support.vectors import decode, values

# days of a town are simulated in each test
pytestmark = pytest.mark.slow

Said = list[tuple[int, dict[str, Any]]]


def town(folder: Path, version: str, **more: float) -> tuple[Said, list[Any]]:
    """A clean town that runs one version: received at and body; labels."""
    flawed = VERSIONS[version]
    told: dict[str, Any] = {"town.days": 3, "echo.missed": 0.2, "town.bins": 0}
    told |= {"town.toilets": 0, "firmware.versions": {version: 1}}
    told["town.toilets" if flawed.kind == "toilet" else "town.bins"] = 8
    kind = "toilet" if flawed.kind == "toilet" else "bin"
    told[f"families.{kind}"] = {flawed.family: 1}
    write_trace("clean", load("clean", told | more), 1, folder)
    said = []
    for text in (folder / "uplinks.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        if line["topic"].endswith("/up"):
            body = json.loads(b64decode(line["payload"]))
            said.append((parse_time(line["received_at"]), body))
    labels = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    return said, [json.loads(text) for text in labels]


def told(body: dict[str, Any], family: str) -> dict[str, float]:
    """The measurements of an uplink, by the hub's decoder where there is one."""
    if family == NATIVE:
        return dict(body["m"])
    payload = b64decode(body["data"]).hex()
    return dict(values(decode(family, payload, body["fPort"])))


@pytest.mark.parametrize(
    ("version", "wrong"),
    [
        ("native-2.4.0", lambda m: m["distance"] == 65_535),
        ("native-2.6.1", lambda m: m["battery"] == 255),
        ("ldds75-invalid", lambda m: "distance" not in m),
        ("em400-no-target", lambda m: "distance" not in m),
        ("egk-error", lambda m: "distance" not in m),
    ],
)
def test_what_a_version_says_instead(
    version: str, wrong: Callable[[dict[str, float]], bool], tmp_path: Path
) -> None:
    said, labels = town(tmp_path, version)
    flawed = VERSIONS[version]
    share = sum(wrong(told(body, flawed.family)) for _, body in said) / len(said)
    assert share == 1 if flawed.bug == "gauge" else 0.12 < share < 0.28
    faults = [x for x in labels if x["label"] == "fault" and x["fault"] == flawed.bug]
    assert len(faults) == 8
    assert {x["until"] for x in faults} == {None}


@pytest.mark.parametrize("version", ["native-2.4.1", "gs301-error"])
def test_a_flaw_by_chance_ends_with_a_restart(version: str, tmp_path: Path) -> None:
    _, labels = town(tmp_path, version, **{"firmware.reboot_per_day": 0.9})
    fault = "stuck" if version == "native-2.4.1" else "cell_error"
    spells = [x for x in labels if x["label"] == "fault" and x["fault"] == fault]
    restarts = {(x["device"], x["at"]) for x in labels if x["label"] == "restarted"}
    ended = [x for x in spells if x["until"]]
    assert ended
    for spell in ended:  # labelled at the end of the step of five minutes
        before = parse_time(spell["until"]) - 300_000
        assert (spell["device"], before) in {(d, parse_time(at)) for d, at in restarts}


def test_zero_is_said_once_after_each_start(tmp_path: Path) -> None:
    said, labels = town(tmp_path, "native-2.4.2", **{"firmware.reboot_per_day": 0.5})
    restarts = sum(x["label"] == "restarted" for x in labels)
    zeros = sum(body["m"]["distance"] == 0 for _, body in said)
    assert 0.5 * restarts < zeros <= restarts


def test_people_are_counted_in_16_bits(tmp_path: Path) -> None:
    said, _ = town(tmp_path, "native-2.5.0", **{"toilet.visits": 9_000})
    counts = [body["m"]["count_in"] for _, body in said]
    assert max(counts) < 65_536
    assert max(counts) > 40_000


def test_a_sentinel_is_passed_on_as_a_value(tmp_path: Path) -> None:
    said, _ = town(tmp_path, "native-2.5.1", **{"firmware.reboot_per_day": 0.5})
    high = [b["m"] for _, b in said if b["m"]["nh3"] > 600]
    assert high
    assert {(m["nh3"], m["h2s"]) for m in high} == {(655.34, 65.534)}


def test_seconds_are_taken_for_a_time_of_1970(tmp_path: Path) -> None:
    said, _ = town(tmp_path, "native-2.6.0")
    assert all(abs(body["ts"] * 1000 - came) < 3_000 for came, body in said)


@pytest.mark.parametrize("version", ["ldds75-1.1.3", "gs301-1.1"])
def test_the_hub_reads_old_layouts(version: str, tmp_path: Path) -> None:
    family = VERSIONS[version].family
    said = [x for x in town(tmp_path, version)[0] if told(x[1], family)]  # no joins
    measurement = "distance" if VERSIONS[version].kind == "bin" else "h2s"
    frames = [b64decode(b["data"]) for _, b in said]
    assert all(measurement in told(body, family) for _, body in said)
    lengths = {len(frame) for frame in frames}
    assert lengths == ({5} if family == "dragino-ldds75" else {18})


def test_a_scenario_with_an_unknown_version_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no such version"):
        load("default", {"firmware.versions": {"native-9": 0.1}})


def test_each_version_is_of_a_known_family() -> None:
    assert {v.family for v in VERSIONS.values()} <= {NATIVE, *MODELS}
    assert {v.family for v in VERSIONS.values() if v.bug == "old_layout"} == set(OLD)
