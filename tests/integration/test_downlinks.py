"""Downlinks through a real broker: sent at least once, whatever happens to the hub."""

import json
from pathlib import Path

import pytest
from support.brokers import Mosquitto, Peer, until
from support.hubs import HubProcess

pytestmark = pytest.mark.mosquitto
DOWN = "sensorhub/v1/z1/d0/down"


def asked(hub: HubProcess, *words: str) -> dict[str, object]:
    """Ask; answers the row of it."""
    id_ = hub.command("downlink", *words)["downlink"]
    return next(row for row in hub.command("downlinks") if row["id"] == id_)


def state(hub: HubProcess) -> str:
    return str(hub.command("downlinks")[0]["state"])


def test_asked_sent_and_obeyed(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Peer(broker.port, [DOWN]) as device,
        HubProcess(tmp_path / "hub", broker.port, devices=1) as hub,
    ):
        row = asked(hub, "d0", "interval", "15m", "--by", "wang")
        until(lambda: device.received, "the device is asked")
        topic, payload, retained = device.received[0]
        assert (topic, retained) == (DOWN, False)
        body = json.loads(payload)
        assert body == {"id": row["id"], "command": "interval", "interval_s": 900}
        until(lambda: state(hub) == "sent", "known as sent")
        birth = json.dumps({"state": "online", "interval_s": 900}).encode()
        device.send([("sensorhub/v1/z1/d0/status", birth)], retain=True)
        until(lambda: state(hub) == "obeyed", "known as obeyed")
        (row,) = hub.command("downlinks", "d0")
        assert row["by"] == "wang"
        assert row["asked_at"] <= row["sent_at"] <= row["obeyed_at"]


def test_a_downlink_survives_kill_9_and_a_broker_that_is_away(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=1)
        with hub:
            broker.stop()
            asked(hub, "d0", "reboot")
            assert state(hub) == "asked"
            hub.kill()
            broker.start()
            with Peer(broker.port, [DOWN]) as device:
                hub.start()
                until(lambda: device.received, "the device is asked")
                assert json.loads(device.received[0][1])["command"] == "reboot"
                until(lambda: state(hub) == "sent", "known as sent")
                assert hub.numbers()["outbox_pending"] == 0


def test_without_a_running_hub_it_is_sent_at_the_next_start(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Peer(broker.port, [DOWN]) as device:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=1)
        row = asked(hub, "d0", "thresholds", "fill_level=80", "tilt=30")
        assert row["state"] == "asked"
        with hub:
            until(lambda: device.received, "the device is asked")
            body = json.loads(device.received[0][1])
            assert body["thresholds"] == {"fill_level": 80, "tilt": 30}
