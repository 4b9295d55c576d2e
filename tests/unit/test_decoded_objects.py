"""Values that a network server or gateway decoded, mapped by the profile."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.config.settings import load_settings
from sensorhub.decode.decoders import DECODERS
from sensorhub.model import Message
from sensorhub.registry.profiles import load_profiles
from tests.support.town import NOW, UP, Town
from tests.support.vectors import envelopes

TOPICS = """
[[mqtt.topics]]
filter = "application/+/device/+/event/+"
kind = "chirpstack"
[[mqtt.topics]]
filter = "v3/+/devices/+/#"
kind = "tts"
[[mqtt.topics]]
filter = "milesight/+"
kind = "milesight"
[[mqtt.topics]]
filter = "named/+/up"
kind = "milesight"
read = { level = 2 }
"""
OWN = """
[town-own]
vendor = "Town"
model = "own"
map.temperatureSensor = { measurement = "temperature" }
map.humiditySensor = { measurement = "humidity" }
map.temperatuur = { measurement = "temperature" }
map."lekstatus:0.0" = { measurement = "leak" }
map.Distance = { measurement = "distance" }
map.BatV = { measurement = "battery_voltage" }
map.lid = { measurement = "lid_open", words = { closed = 0, open = 1 } }
"""
EUI = "24e124713c000001"
V4 = {"deviceInfo": {"devEui": EUI}, "time": "2026-11-18T11:06:40Z", "fCnt": 1}
TTS = {"end_device_ids": {"device_id": "eui-" + EUI, "dev_eui": EUI.upper()}}
V3_UP = envelopes()["chirpstack_v3_doc_up"]
TTS_UP = envelopes()["tts_v3_doc_up"]


@pytest.fixture
def town(tmp_path: Path) -> Any:
    def build(device: str, profile: str) -> Town:
        (tmp_path / "sensorhub.toml").write_text(TOPICS, "utf-8")
        (tmp_path / "profiles").mkdir()
        (tmp_path / "profiles" / "own.toml").write_text(OWN, "utf-8")
        fleet = "zone,site,asset,kind,empty_mm,full_mm,device,profile\n"
        return Town(
            tmp_path,
            UP,
            f"{fleet}east,park,bin,bin,1200,200,{device},{profile}\n",
            known=load_profiles(tmp_path, DECODERS),
            settings=load_settings(tmp_path, {}),
        )

    return build


def kept(town: Town, topic: str, message: Any) -> dict[str, float]:
    town.take([Message(topic.encode(), json.dumps(message).encode(), 2)])
    return {r.measurement: r.value for r in town.readings("bin")}


@pytest.mark.parametrize(
    ("topic", "message", "found"),
    [
        (
            f"application/x/device/{EUI}/event/up",
            V4 | {"object": {"temperatuur": 21.0, "lekstatus:0": [1.0], "x": 5}},
            {"temperature": 21, "leak": 1},
        ),
        (
            f"application/1/device/{EUI}/event/up",
            {"devEUI": EUI, "fCnt": 1, "object": {"Distance": "700 mm"}},
            {"distance": 700, "fill_level": 50},
        ),
        (
            "v3/app@tenant/devices/x/up",
            TTS
            | {
                "uplink_message": {
                    "f_cnt": 1,
                    "decoded_payload": {
                        "Distance": "70 cm",
                        "BatV": "3387 mV",
                        "lid": "Open",
                        "note": "fine",
                    },
                }
            },
            {
                "distance": 700,
                "fill_level": 50,
                "battery_voltage": 3.387,
                "lid_open": 1,
            },
        ),
    ],
)
def test_decoded_objects_are_mapped_by_the_profile(
    town: Any, topic: str, message: Any, found: dict[str, float]
) -> None:
    assert kept(town(EUI, "town-own"), topic, message) == found


def test_documented_uplinks_are_mapped(town: Any) -> None:
    hub = town("0202020202020202", "town-own")
    link = {"rssi": -48, "snr": 9}
    found = kept(hub, V3_UP["topic"], V3_UP["message"])
    assert found == {"temperature": 25, "humidity": 32, **link}


def test_a_documented_tts_uplink_is_mapped(town: Any) -> None:
    found = kept(
        town("0004a30b001c0530", "town-own"), TTS_UP["topic"], TTS_UP["message"]
    )
    assert found == {"temperature": 1, "rssi": -35, "snr": 5}


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (f"milesight/{EUI}", {"distance": 700, "position": "tilt", "battery": 92}),
        (
            "milesight/any",
            {"devEUI": EUI.upper(), "obj": {"distance": 700, "position": "tilt"}},
        ),
        (f"milesight/{EUI.upper()}", {"obj": {"distance": 700, "position": "tilt"}}),
    ],
)
def test_a_milesight_gateways_codec_gives_the_values_of_the_built_in_profile(
    town: Any, topic: str, message: Any
) -> None:
    found = kept(town(EUI, "milesight-em400-tld"), topic, message)
    found.pop("battery", None)
    assert found == {"distance": 700, "fill_level": 50, "tilted": 1}


def test_a_milesight_device_may_go_by_a_name_in_the_topic(town: Any) -> None:
    hub = town("bin-eye-7", "milesight-em300-sld")
    found = kept(hub, "named/bin-eye-7/up", {"leakage_status": "leak", "battery": 92})
    assert found == {"leak": 1, "battery": 92}
    again = {"leakage_status": "leak", "battery": 92}
    hub.clock.time = NOW + 59_000
    kept(hub, "named/bin-eye-7/up", again)
    hub.clock.time = NOW + 120_000
    kept(hub, "named/bin-eye-7/up", again)
    assert hub.ends() == (2, 1, 0)
