"""`sensorhub decode`: a frame or a message, field by field."""

import json
from pathlib import Path
from typing import Any

import pytest

from sensorhub.codecs.protocol import NO_CODECS
from sensorhub.config.layout import TopicSettings
from sensorhub.decode.decoders import DECODERS
from sensorhub.model import Envelope
from sensorhub.registry.profiles import load_profiles
from sensorhub.views.decoded_views import UplinkView
from sensorhub.views.explain import explain_uplink
from sensorhub.views.judged_message import DecodeContext, RegisterRows
from tests.support.town import NOW
from tests.support.vectors import frames

PROFILES = load_profiles(None, DECODERS)
TLD = "01755c0367220104826901050001"
EUI = "24e124713c000001"
FLEET = f"""zone,site,asset,kind,empty_mm,full_mm,volumes,device,profile
east,park,bin-1,bin,1200,200,,{EUI},milesight-em400-tld
east,park,pit,waste_pit,,,2500:0 2000:400 300:4200,p-1,native
"""


def known(profile: str) -> DecodeContext:
    topics = (TopicSettings(filter="#", kind="chirpstack"),)
    rows = RegisterRows([], [], [])
    return DecodeContext(rows, PROFILES, topics, 65_536, NO_CODECS, PROFILES[profile])


def explained(profile: str, payload: bytes, port: int) -> UplinkView:
    view = explain_uplink(Envelope("", port=port, payload=payload), known(profile), NOW)
    json.dumps(view)
    assert "dead" not in view
    return view


def places(view: UplinkView) -> dict[str, list[int]]:
    return {row["name"]: row["bytes"] for row in view["fields"]}


def test_every_field_is_shown_with_its_bytes_and_what_becomes_of_it() -> None:
    view = explained("milesight-em400-tld", bytes.fromhex(TLD), 85)
    assert places(view) == {
        "battery": [2],
        "temperature": [5, 6],
        "distance": [9, 10],
        "tilted": [13],
    }
    assert view["fields"][1] == {
        "bytes": [5, 6],
        "name": "temperature",
        "raw": 29.0,
        "measurement": "temperature",
        "value": 29.0,
        "unit": "°C",
        "measured_at": None,
        "quality": "ok",
        "why": None,
    }
    assert (view["errors"], view["decoder"]) == ([], "milesight-em400")


def test_history_keeps_its_time_and_unmapped_fields_say_so() -> None:
    payload = bytes.fromhex("20ceff3df16401070002001d000800")
    view = explained("milesight-vs350", payload, 85)
    assert view["readings"][0] == {
        "measurement": "count_in",
        "value": 29.0,
        "unit": "",
        "measured_at": "2023-09-01T01:27:27.000Z",
        "quality": "ok",
    }
    rows = {row["name"]: row for row in view["fields"]}
    assert rows["period_in"]["why"] == "not in profile milesight-vs350"
    assert rows["period_in"]["quality"] is None
    assert set(rows["period_in"]["bytes"]) >= {7, 8}


def test_a_value_outside_the_range_says_the_range() -> None:
    payload = bytes.fromhex("01ff")  # a battery of 255 %
    view = explained("milesight-em400-tld", b"\x01\x75" + payload[1:], 85)
    (row,) = view["fields"]
    assert (row["quality"], row["why"]) == ("rejected", "range: 0 to 100 %")


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_bytes_and_a_profile_that_cannot_read_them_are_an_error(name: str) -> None:
    if not PROFILES[name].decoder or name == "native":
        assert "no decoder" in explained(name, b"\x01", 1)["errors"][0]


def test_every_field_of_every_vector_hangs_on_bytes_of_its_frame() -> None:
    lost = []
    for vector in frames():
        payload = bytes.fromhex(vector["payload"])
        view = explained(vector["profile"], payload, vector.get("port", 1))
        lost += [
            (vector["profile"], row["name"])
            for row in view["fields"]
            if not row["bytes"]
        ]
    assert lost == []


# -- the command --


@pytest.fixture
def town(run: Any, place: Path) -> Any:
    (place / "fleet.csv").write_text(FLEET, "utf-8")
    assert run("fleet", "import", str(place / "fleet.csv"))[0] == 0
    return run


def test_a_device_of_the_register_has_profile_and_shape(town: Any) -> None:
    code, out, _ = town("decode", "--device", EUI, TLD, "--json")
    view = json.loads(out)
    assert (code, view["profile"], view["registered"]) == (
        0,
        "milesight-em400-tld",
        True,
    )
    assert view["derived"] == [
        {
            "measurement": "fill_level",
            "value": 83.9,
            "unit": "%",
            "from": "distance 361 mm",
            "quality": "ok",
            "why": None,
        }
    ]
    assert (
        "fill_level 83.9 % from distance 361 mm: ok"
        in town("decode", "--device", EUI, TLD)[1]
    )


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (("--asset", "pit"), 96.8),
        (("--volumes", "1200:0 200:240"), 83.9),
        (("--asset", "bin-1"), 83.9),
    ],
)
def test_a_shape_may_be_named(town: Any, words: tuple[str, ...], level: float) -> None:
    _, out, _ = town("decode", "milesight-em400-tld", TLD, *words, "--json")
    assert [row["value"] for row in json.loads(out)["derived"]] == [level]


def test_base64_and_a_table_for_people(town: Any) -> None:
    code, out, _ = town("decode", "milesight-em400-tld", "--base64", "AXVc")
    assert code == 0
    assert "frame 01 75 5c" in out
    assert "2: 5c" in out
    assert "bytes of no field (channels, types, headers): 0-1" in out


CHIRPSTACK = {
    "deviceInfo": {"devEui": EUI},
    "time": "2026-11-18T11:06:40Z",
    "fCnt": 7,
    "fPort": 85,
    "data": "AXVc",
}
TOPIC = f"application/x/device/{EUI}/event/up"


def test_a_whole_message_is_explained_by_its_topic(town: Any, place: Path) -> None:
    text = json.dumps(CHIRPSTACK)
    (view,) = json.loads(town("decode", "--topic", TOPIC, text, "--json")[1])
    assert (view["device"], view["seq"], view["frame"]) == (EUI, 7, "01755c")
    assert view["network_time"] == "2026-11-18T11:06:40.000Z"
    assert view["readings"][0]["measurement"] == "battery"
    (place / "m.json").write_text(text, "utf-8")
    again = town("decode", "--topic", TOPIC, str(place / "m.json"), "--json")
    assert json.loads(again[1]) == [view]


@pytest.mark.parametrize(
    ("topic", "message", "said"),
    [
        (TOPIC.replace("up", "join"), "{}", "dead letter, bad_envelope: no DevEUI"),
        (TOPIC.replace("up", "join"), json.dumps(CHIRPSTACK), f"event join of {EUI}"),
        ("what/ever", "{}", "dead letter, unknown_topic: no topic filter"),
        ("sensorhub/v1/east/p-1/up", "[1]", "dead letter, bad_payload: a record"),
        ("sensorhub/v1/east/p-1/up", '{"m":{"distance":300}}', "fill_level 100 %"),
        ("sensorhub/v1/east/p-9/up", '{"m":{"nh3":1}}', "nh3"),
        ("sensorhub/v1/east/p-1/status", "{}", "event status of p-1"),
    ],
)
def test_messages_of_all_kinds(town: Any, topic: str, message: str, said: str) -> None:
    code, out, _ = town("decode", "--topic", topic, message)
    assert code == 0
    assert said in out


def test_a_device_that_is_not_registered_shows_its_values(town: Any) -> None:
    message = json.dumps(
        {
            **CHIRPSTACK,
            "deviceInfo": {"devEui": "01" * 8},
            "object": {"nh3": 0.5, "x": 1},
        }
    )
    (view,) = json.loads(town("decode", "--topic", TOPIC, message, "--json")[1])
    assert "not in the register" in view["errors"][0]
    assert [r["value"] for r in view["readings"]] == [0.5]
    words = ("--topic", TOPIC, "--profile", "milesight-em400-tld", message, "--json")
    (view,) = json.loads(town("decode", *words)[1])
    assert [r["measurement"] for r in view["readings"]] == ["battery"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing", "01"), "no such profile"),
        (("milesight-em400-tld",), "say a profile and a frame"),
        (("milesight-em400-tld", "xyz"), "not hex"),
        (("--device", "d9", "01"), "no such device"),
        (("native", "01", "--asset", "b9"), "no such asset"),
        (("native", "01", "--volumes", "1:1"), "--volumes: 1 points"),
        (("--topic", "a", "no-file.json"), "No such file"),
        (("native", "--base64", "!"), "not base64"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    town: Any, words: tuple[str, ...], said: str
) -> None:
    code, _, err = town("decode", *words)
    assert code == 1
    assert said in err


def test_nothing_is_created_to_explain(run: Any, place: Path) -> None:
    assert run("decode", "milesight-em400-tld", "01755c")[0] == 0
    assert not (place / "data").exists()
