"""A network server joined by config/deploy/bridge.conf: nothing is lost."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sensorhub.alerts.event import rfc3339
from sensorhub.clock import Clock
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import ROOT, HubProcess

pytestmark = pytest.mark.mosquitto

BRIDGE = (ROOT / "config" / "deploy" / "bridge.conf").read_text("utf-8")
DEVICE = "24e124713c000001"
START = Clock().now() - 7_200_000
FRAME = bytes.fromhex("01755c03824408040001")  # EM310: battery 92, distance 2116
LOG = json.dumps({"deviceInfo": {"applicationId": "a1", "devEui": DEVICE}}).encode()
FLEET = (
    "zone,site,asset,kind,device,profile\n"
    f"east,park,bin-1,bin,{DEVICE},milesight-em310-udl\n"
)


def chirpstack(number: int) -> tuple[str, bytes]:
    """An uplink as ChirpStack v4 publishes it."""
    body = {
        "deduplicationId": f"{number:08x}-0000-4000-8000-000000000000",
        "time": rfc3339(START + number * 60_000),
        "deviceInfo": {"applicationId": "a1", "devEui": DEVICE},
        "fCnt": number,
        "fPort": 85,
        "data": base64.b64encode(FRAME).decode(),
    }
    return f"application/a1/device/{DEVICE}/event/up", json.dumps(body).encode()


class Joined:
    """The network server's broker, ours with the bridge, and a hub on ours."""

    def __init__(self, folder: Path) -> None:
        for name in ("theirs", "ours", "hub"):
            (folder / name).mkdir()
        self.theirs = Mosquitto(folder / "theirs").start()
        address = f"address 127.0.0.1:{self.theirs.port}"
        bridge = BRIDGE.replace("address 127.0.0.1:1883", address)
        assert address in bridge
        self.ours = Mosquitto(folder / "ours", bridge).start()
        self.hub = HubProcess(folder / "hub", self.ours.port, rules="")
        fleet = folder / "fleet.csv"
        fleet.write_text(FLEET, "utf-8")
        self.hub.command("fleet", "import", str(fleet))
        self.hub.start()
        self.sent = 0
        with Peer(self.ours.port, ["application/#"]) as ear:
            until(lambda: self._came(ear), "the bridge has subscribed")

    def _came(self, ear: Peer) -> bool:
        """Whether what is published there arrives here; logs are no uplinks."""
        with Peer(self.theirs.port) as server:
            server.send([(f"application/a1/device/{DEVICE}/event/log", LOG)])
        return bool(ear.received)

    def send(self, count: int) -> None:
        with Peer(self.theirs.port) as server:
            server.send(chirpstack(self.sent + n) for n in range(count))
        self.sent += count

    def all_arrive(self) -> None:
        """All that was sent is stored, and none twice."""
        until(lambda: self.hub.ended() >= self.sent, "all uplinks", 60)
        assert self.hub.numbers()["uplinks_stored"] == self.sent

    def stop(self) -> None:
        self.hub.kill()
        self.ours.kill()
        self.theirs.kill()


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[Joined]:
    story = Joined(tmp_path)
    yield story
    story.stop()


def test_uplinks_of_a_network_server_become_readings(joined: Joined) -> None:
    joined.send(20)
    joined.all_arrive()
    found = joined.hub.readings("bin-1", "distance")
    assert [value for _, value in found] == [2116.0] * 20


def test_either_broker_may_restart_and_be_away(joined: Joined) -> None:
    joined.send(10)
    joined.theirs.restart()
    joined.send(10)
    joined.all_arrive()
    joined.ours.stop()
    joined.send(10)  # theirs keeps them for the bridge
    joined.ours.start()
    joined.all_arrive()
    joined.theirs.restart()
    joined.ours.restart()
    joined.send(10)
    joined.all_arrive()


def test_downlinks_go_the_other_way_even_where_theirs_is_away(joined: Joined) -> None:
    topic = f"application/a1/device/{DEVICE}/command/down"
    server = paho.Client(
        CallbackAPIVersion.VERSION2, client_id="server", clean_session=False
    )
    heard: list[bytes] = []
    subscribed: list[int] = []
    server.on_connect = lambda client, *_: client.subscribe(topic, 1)
    server.on_subscribe = lambda *_: subscribed.append(1)
    server.on_message = lambda _client, _data, message: heard.append(
        bytes(message.payload)
    )
    server.reconnect_delay_set(1, 1)
    server.connect("127.0.0.1", joined.theirs.port)
    server.loop_start()
    until(lambda: subscribed, "the network server has subscribed")
    joined.theirs.stop()
    with Peer(joined.ours.port) as hub:
        hub.send([(topic, b"later")])
    joined.theirs.start()
    until(lambda: heard, "the downlink came through", 60)
    server.disconnect()
    server.loop_stop()
    assert heard == [b"later"]
