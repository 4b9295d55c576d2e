"""Restarts: counters begin at 0, clocks drift, and all is labelled."""

import json
from base64 import b64decode
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from firmware_sim.clock import parse_time
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load
from firmware_sim.world.step_time import STEP_MS

# days of a town are simulated in each test
pytestmark = pytest.mark.slow

DAY_MS = 86_400_000
NOTHING: Mapping[str, Any] = MappingProxyType({})
Said = dict[str, list[tuple[int, dict[str, Any]]]]


def town(
    folder: Path, more: Mapping[str, Any] = NOTHING, /, **firmware: float
) -> tuple[Said, list[dict[str, Any]]]:
    """The uplinks of each device with their times at the broker; labels."""
    told: dict[str, Any] = {"town.bins": 20, "town.toilets": 4, "town.days": 4}
    told |= {f"firmware.{key}": value for key, value in firmware.items()}
    told |= more
    write_trace("clean", load("clean", told), 1, folder)
    said: Said = {}
    for text in (folder / "uplinks.jsonl").read_text("utf-8").splitlines():
        line = json.loads(text)
        if not line["topic"].endswith("/up"):
            continue
        body = json.loads(b64decode(line["payload"]))
        came = parse_time(line["received_at"])
        said.setdefault(line["topic"].split("/")[3], []).append((came, body))
    labels = (folder / "labels.jsonl").read_text("utf-8").splitlines()
    return said, [json.loads(text) for text in labels]


def test_a_restarted_device_counts_from_nought(tmp_path: Path) -> None:
    said, labels = town(tmp_path, reboot_per_day=0.5)
    restarts = [x for x in labels if x["label"] == "restarted"]
    assert {x["device"].split("-")[0] for x in restarts} == {"level", "room"}
    starts = 0
    for device, records in said.items():
        mine = [x for x in restarts if x["device"] == device]
        numbers = [body["seq"] for _, body in records]
        falls = sum(b < a for a, b in pairwise(numbers))
        assert falls <= len(mine)
        starts += falls
        people = [b["m"]["count_in"] for _, b in records if "count_in" in b["m"]]
        drops = sum(b < a for a, b in pairwise(people))
        assert drops <= len(mine)
    assert starts >= 0.8 * len(restarts)


def test_clocks_drift_until_the_network_tells_the_time(tmp_path: Path) -> None:
    said, _ = town(tmp_path, clock_ppm=10_000, sync_days=1)
    errors = [body["ts"] - came for records in said.values() for came, body in records]
    worst = 0.01 * DAY_MS
    assert max(errors) > 0.5 * worst
    assert min(errors) < -0.5 * worst
    assert all(abs(error) < 1.05 * worst + 300_000 for error in errors)


def test_some_clocks_begin_at_1970(tmp_path: Path) -> None:
    said, labels = town(tmp_path, reboot_per_day=0.5, epoch_share=1, sync_days=1)
    early = {
        device
        for device, records in said.items()
        if any(0 <= body["ts"] < 2 * DAY_MS for _, body in records)
    }
    assert early
    assert early <= {x["device"] for x in labels if x["label"] == "restarted"}


def test_a_lorawan_device_has_another_address_after_each_join(tmp_path: Path) -> None:
    """Without restarts the address stays; duplicates of a frame share theirs."""
    told: dict[str, float] = {"town.bins": 20, "town.toilets": 4, "town.days": 4}
    for share, most in ((0.0, 1), (0.5, 9)):
        told |= {"firmware.reboot_per_day": share, "link.doubled": 0.2}
        out = tmp_path / str(share)
        write_trace("mixed", load("mixed", told), 1, out)
        addresses: dict[str, set[str]] = {}
        frames: dict[tuple[str, str, int], set[str]] = {}
        for text in (out / "uplinks.jsonl").read_text("utf-8").splitlines():
            line = json.loads(text)
            if not line["topic"].endswith("event/up"):
                continue
            try:
                body = json.loads(b64decode(line["payload"]))
            except json.JSONDecodeError:  # a frame cut short
                continue
            device, address = body["deviceInfo"]["devEui"], body["devAddr"]
            addresses.setdefault(device, set()).add(address)
            frame = (device, body["time"], body.get("fCnt", 0))
            frames.setdefault(frame, set()).add(address)
        counts = [len(found) for found in addresses.values()]
        assert 1 <= min(counts) <= max(counts) <= most
        assert (max(counts) > 1) == (share > 0)
        assert all(len(found) == 1 for found in frames.values())


def test_a_gas_cell_has_no_value_until_it_has_settled(tmp_path: Path) -> None:
    said, labels = town(tmp_path, {"gas.restart_min": 60}, reboot_per_day=0.5)
    spells = [x for x in labels if x.get("fault") == "warming_up" and x["until"]]
    assert spells
    for spell in spells:
        at, until = parse_time(spell["at"]), parse_time(spell["until"]) - STEP_MS
        cold = [b for came, b in said[spell["device"]] if at < came < until]
        assert cold
        assert not any("nh3" in body["m"] or "h2s" in body["m"] for body in cold)
        assert all("count_in" in body["m"] for body in cold)
    rooms = [b for device, all_ in said.items() if "room" in device for _, b in all_]
    assert sum("nh3" in body["m"] for body in rooms) > 0.9 * len(rooms)


def test_a_new_battery_is_a_restart(tmp_path: Path) -> None:
    told = {"battery.life_days": 1000, "battery.ending": 1, "battery.change_days": 0.1}
    _, labels = town(tmp_path, told | {"battery.ending_days": (0, 2)})
    changed = {
        x["device"] for x in labels if x.get("fault") == "offline" and x["until"]
    }
    assert changed
    assert {x["device"] for x in labels if x["label"] == "restarted"} == changed
    cold = {x["device"] for x in labels if x.get("fault") == "warming_up"}
    assert cold == {device for device in changed if device.startswith("room")}


def test_a_clean_town_has_no_restarts(tmp_path: Path) -> None:
    said, labels = town(tmp_path)
    assert not [x for x in labels if x["label"] == "restarted"]
    late = [came - b["ts"] for records in said.values() for came, b in records]
    assert all(0 < delay < 2_000 for delay in late)
