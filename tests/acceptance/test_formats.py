"""Other people's formats, through a real broker into a real hub, by settings alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer
from tests.support.hubs import HubProcess

TOPICS = [
    {"filter": "senml/#", "kind": "senml"},
    {"filter": "home/+/state", "kind": "json"},
    {"filter": "gateway/+", "kind": "milesight", "read": {"level": 2}},
    {
        "filter": "operator/uplinks",
        "kind": "json",
        "read": {
            "device": "devEui",
            "payload": "payload",
            "port": "fPort",
            "seq": "fCntUp",
            "time": "timestamp",
            "time_format": "ms",
            "only": {"messageType": "payload"},
        },
    },
]
EUI = "24e124713c000001"
FLEET = f"""zone,site,asset,kind,empty_mm,full_mm,device,profile
z1,s1,bin-1,bin,1200,200,10e2073a01080063,native
z1,s1,bin-2,bin,1200,200,bin-eye-2,native
z1,s1,bin-3,bin,1200,200,{EUI},milesight-em400-tld
z1,s1,bin-4,bin,,,wc-4,native
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.mark.mosquitto
def test_senml_flat_json_and_an_operators_array_become_readings(
    broker: Mosquitto, tmp_path: Path
) -> None:
    hub = HubProcess(tmp_path, broker.port, mqtt__topics=json.dumps(TOPICS))
    (tmp_path / "fleet.csv").write_text(FLEET, "utf-8")
    hub.command("fleet", "import", str(tmp_path / "fleet.csv"))
    now = hub.command("status")["now"]
    pack = [
        {"bn": "urn:dev:ow:10e2073a01080063:", "n": "distance", "u": "m", "v": 0.7},
        {"n": "battery", "u": "%EL", "v": 91},
    ]
    uplink = {
        "devEui": EUI.upper(),
        "messageType": "payload",
        "payload": "01755c0482690105 0000".replace(" ", ""),
        "fPort": "85",
        "fCntUp": "7",
    }
    sent = {
        "senml/any": pack,
        "home/bin-eye-2/state": {"distance": "45 cm", "mood": "fine"},
        "gateway/wc-4": {"obj": {"temperature": "21.5 °C"}},
        "operator/uplinks": [uplink, {**uplink, "messageType": "join"}],
    }
    messages = [(topic, json.dumps(body).encode()) for topic, body in sent.items()]
    with hub, Peer(broker.port) as peer:
        peer.send(messages)
        hub.until_ended(4)
        peer.send(messages[-1:])
        peer.send([("home/bin-eye-2/state", b'{"distance": 1200}')])
        hub.until_ended(5)
    fills = {
        asset: [value for _, value in hub.kept(asset, "fill_level")]
        for asset in ("bin-1", "bin-2", "bin-3")
    }
    assert fills == {"bin-1": [50], "bin-2": [75, 0], "bin-3": [83.9]}
    assert hub.kept("bin-1", "battery")[0][1] == 91
    assert hub.kept("bin-4", "temperature")[0][1] == 21.5
    assert all(at >= now for at, _ in hub.kept("bin-1", "distance"))
    found = hub.sums_are_exact()
    assert found["uplinks_duplicate"] == 1
    assert found["uplinks_dead"] == 0
