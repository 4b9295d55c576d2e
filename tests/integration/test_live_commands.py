"""A hub's downlinks to a live town: asked, taken after an uplink, seen as obeyed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware_sim.clock import parse_time
from firmware_sim.live.command import RunRequest, run_scenario
from firmware_sim.mqtt import BrokerAddress
from firmware_sim.scenario import load
from firmware_sim.town.fleet import make_fleet
from tests.support.brokers import Mosquitto, until
from tests.support.hubs import HubProcess

pytestmark = pytest.mark.mosquitto
START = parse_time("2026-03-02T00:00:00+08:00")
TOWN = """
base = "clean"
[town]
bins = 6
toilets = 1
[families.bin]
native = 1
milesight-em400-tld = 1
[link]
loss_good = 0
loss_bad = 0
"""


@pytest.mark.parametrize("own", [True, False])
def test_downlinks_of_a_hub_are_obeyed(tmp_path: Path, own: bool) -> None:
    scenario = tmp_path / "orders.toml"
    scenario.write_text(TOWN)
    fleet = make_fleet(load(str(scenario)), 1)
    native = next(d for d in fleet.devices if d.startswith("level"))
    lorawan = next(d for d in fleet.devices if d.startswith("24e124"))
    out = tmp_path / "out"
    asked = RunRequest(str(scenario), {}, 1, START, 3600.0, None, own, out)
    stop = threading.Event()
    with Mosquitto(tmp_path) as broker, ThreadPoolExecutor(1) as pool:
        hub = HubProcess(tmp_path / "hub", broker.port)
        running = pool.submit(
            run_scenario, asked, BrokerAddress(port=broker.port), stop
        )
        try:
            register = tmp_path / "out" / "fleet.csv"
            until(register.exists, "the town has a register")
            until(lambda: register.stat().st_size > 0, "it is written")
            hub.command("fleet", "import", str(register))
            with hub:
                until(lambda: hub.ended() >= 10, "the town speaks")
                hub.command("downlink", native, "interval", "15m")
                hub.command("downlink", native, "reboot")
                hub.command("downlink", lorawan, "interval", "20m", "--confirmed")
                until(
                    lambda: (
                        {x["state"] for x in hub.command("downlinks")} == {"obeyed"}
                    ),
                    "all is obeyed",
                )
        finally:
            stop.set()
        assert running.result()
    lines = (tmp_path / "out" / "labels.jsonl").read_text().splitlines()
    labels = [json.loads(line) for line in lines]
    obeyed = [x for x in labels if x["label"] == "downlink"]
    assert {(x["device"], x["command"], x["value"]) for x in obeyed} == {
        (native, "interval", 900),
        (native, "reboot", None),
        (lorawan, "interval", 1200),
    }
    assert native in {x["device"] for x in labels if x["label"] == "restarted"}
