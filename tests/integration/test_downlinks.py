"""Downlinks through a real broker: sent at least once, whatever happens to the hub."""

import base64
import json
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import COLUMNS, HubProcess

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
        row = asked(hub, "d0", "thresholds", "fill_level=80", "tilt=5..30")
        assert row["state"] == "asked"
        with hub:
            until(lambda: device.received, "the device is asked")
            body = json.loads(device.received[0][1])
            assert body["thresholds"] == {"fill_level": 80, "tilt": [5, 30]}


EUI = "24e124136b502217"
COMMANDS = "application/+/device/+/command/down"


def event(kind: str, **body: object) -> tuple[str, bytes]:
    body = {"deviceInfo": {"devEui": EUI}, **body}
    return f"application/a1/device/{EUI}/event/{kind}", json.dumps(body).encode()


def test_through_chirpstack_from_its_first_uplink_to_the_acknowledgement(
    tmp_path: Path,
) -> None:
    frame = base64.b64encode(bytes.fromhex("0382b402")).decode()
    with Mosquitto(tmp_path) as broker, Peer(broker.port, [COMMANDS]) as server:
        hub = HubProcess(tmp_path / "hub", broker.port)
        fleet = tmp_path / "fleet.csv"
        row = f"z1,s1,bin,bin,,,,,,{EUI},milesight-em310-udl\n"
        fleet.write_text(f"{COLUMNS},device,profile\n{row}")
        hub.command("fleet", "import", str(fleet))
        with hub:
            server.send([event("up", fCnt=1, fPort=85, data=frame)])
            hub.until_ended(1)
            asked(hub, EUI, "interval", "20m", "--confirmed")
            until(lambda: server.received, "ChirpStack is asked")
            topic, payload, _ = server.received[0]
            assert topic == f"application/a1/device/{EUI}/command/down"
            body = json.loads(payload)
            assert base64.b64decode(body["data"]).hex() == "ff03b004"
            assert (body["devEui"], body["fPort"]) == (EUI, 85)
            assert body["confirmed"] is True
            until(lambda: state(hub) == "sent", "known as sent")
            server.send([event("txack", queueItemId=body["id"])])
            until(lambda: state(hub) == "transmitted", "known as transmitted")
            server.send([event("ack", queueItemId=body["id"], acknowledged=True)])
            until(lambda: state(hub) == "obeyed", "known as obeyed")
            assert hub.command("downlinks")[0]["note"] == "the device acknowledged it"
