"""Downlinks take effect after the device's next uplink, and are labelled."""

import json
from base64 import b64decode, b64encode
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.clock import parse_time
from firmware_sim.families.device_commands import DeviceCommand
from firmware_sim.firmware import command_queue
from firmware_sim.output.trace import write_trace
from firmware_sim.scenario import load
from firmware_sim.scenario.events import ScenarioEvent
from sensorhub.decode import downlinks

MINUTE = 60_000
Said = dict[str, list[tuple[int, dict[str, Any]]]]


def town(folder: Path, event: dict[str, Any], **more: Any) -> tuple[Said, list[Any]]:
    """The uplinks of each device from the event on, with their times; labels."""
    told: dict[str, Any] = {
        "town.bins": 24,
        "town.toilets": 3,
        "town.days": 3,
        "link.loss_good": 0,
    }
    told |= {"link.loss_bad": 0}
    families = {"native": 2, "milesight-em400-tld": 2, "enginko-egk-lw20w00": 1}
    told["families.bin"] = families | {"dragino-ldds75": 1}
    happens = ScenarioEvent(day=2, hour=0, **event)
    scenario = load("clean", told | more).model_copy(update={"events": (happens,)})
    write_trace("clean", scenario, 1, folder)
    lines = [(folder / f).read_text().splitlines() for f in FILES]
    uplinks, labels = ([json.loads(text) for text in each] for each in lines)
    (at,) = [parse_time(x["at"]) for x in labels if x["label"] == "event"]
    said: Said = {device: [] for x in labels for device in x.get("devices", ())}
    for line in uplinks:
        came = parse_time(line["received_at"])
        if line["topic"].endswith("/up") and came >= at:
            body = json.loads(b64decode(line["payload"]))
            said[line["topic"].split("/")[3]].append((came, body))
    return said, labels


FILES = ("uplinks.jsonl", "labels.jsonl")


def gaps(said: list[tuple[int, Any]]) -> list[int]:
    """Minutes between successive times."""
    return [round((b - a) / MINUTE) for (a, _), (b, _) in pairwise(said)]


def test_an_interval_holds_from_the_next_uplink_on(tmp_path: Path) -> None:
    said, labels = town(tmp_path, {"what": "interval", "amount": 1200})
    obeyed = {x["device"]: x for x in labels if x["label"] == "downlink"}
    for device, told in said.items():
        knows = not device.startswith("02")  # Enginko's commands are not known
        assert (device in obeyed) == knows
        usual = 5 if device.startswith("room") else 60
        assert set(gaps(told)[1:]) == ({20} if knows else {usual})
    assert {(x["command"], x["value"]) for x in obeyed.values()} == {("interval", 1200)}
    born = [x["device"] for x in labels if x.get("why") == "birth"]
    assert set(born) == {device for device in obeyed if "-" in device}


def test_beyond_a_threshold_a_bin_reports_at_once(tmp_path: Path) -> None:
    event = {"what": "threshold", "amount": 50}
    said, _ = town(tmp_path, event, **{"families.bin": {"native": 1}})
    early = [
        (a[1]["m"]["distance"], b[1]["m"]["distance"])
        for told in said.values()
        for a, b in pairwise(told[3:])  # some are beyond it from the beginning
        if "distance" in b[1]["m"] and b[0] - a[0] < 50 * MINUTE
    ]
    middle = 150 + 900 / 2
    assert early
    assert all((before < middle) != (after < middle) for before, after in early)


def test_a_reboot_is_a_restart(tmp_path: Path) -> None:
    said, labels = town(tmp_path, {"what": "reboot"})
    obeyed = {x["device"] for x in labels if x["label"] == "downlink"}
    assert {x["device"] for x in labels if x["label"] == "restarted"} == obeyed
    assert len(obeyed) > 0.7 * len(said)
    news = {x["device"] for x in labels if x.get("why") in ("join", "birth")}
    assert obeyed <= news


def test_what_the_hub_sends_is_a_command() -> None:
    place = ("zone01", "level-1")
    _, payload = downlinks.native("n1", place, "interval", {"interval_s": 900})
    pending = command_queue.native(payload)
    assert pending is not None
    assert (pending.id, pending.command) == ("n1", ("interval", 900))
    for limit, both in ((300, [300, None]), ([300, 900], [300, 900])):
        said = {"thresholds": {"distance": limit}}
        port, data = downlinks.family_bytes("milesight-em400", "thresholds", said)
        body = {"id": "c1", "confirmed": True, "fPort": port}
        body["data"] = b64encode(data).decode()
        got = command_queue.lorawan(json.dumps(body).encode())
        assert got == command_queue.PendingCommand(
            DeviceCommand("thresholds", {"distance": both}),
            "c1",
            True,
            port,
            data,
        )


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'{"fPort":1}', b'{"fPort":1,"data":1}']
)
def test_what_is_no_command_is_ignored(payload: bytes) -> None:
    assert command_queue.native(payload) is None
    assert command_queue.lorawan(payload) is None
