"""Downlinks: what is sent, by whom, and the signs that a device obeyed."""

import base64
import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorhub.codecs.protocol import EncodeCall
from sensorhub.decode.downlinks import family_bytes
from sensorhub.model import RETAIN, Message
from sensorhub.store.hot import downlinks
from tests.support.town import MINUTE, UP, Town, native, profiles, uplink

EUI = "24e124136b502217"
APP = "17c82e96"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    town = Town(tmp_path, UP)
    town.act("adopt", device=EUI, profile="milesight-em310-udl", asset="bin-2")
    return town


def told(town: Town, device: str, **status: Any) -> None:
    topic = f"sensorhub/v1/east/{device}/status"
    town.take([uplink(json.dumps({"state": "online", **status}).encode(), topic)])


def chirpstack(event: str, **body: Any) -> Message:
    body = {"deviceInfo": {"devEui": EUI}, **body}
    topic = f"application/{APP}/device/{EUI}/event/{event}"
    return uplink(json.dumps(body).encode(), topic)


def frame(data: bytes, seq: int) -> Message:
    text = base64.b64encode(data).decode()
    return chirpstack("up", fCnt=seq, fPort=85, data=text)


DISTANCE = bytes.fromhex("0382b402")


def rows(town: Town) -> list[downlinks.Downlink]:
    return downlinks.listing(town.hub.connection, None)


def waiting(town: Town) -> list[dict[str, Any]]:
    """What stands in the outbox for a device, as it would be published."""
    found = town.hub.connection.execute(
        "SELECT body FROM outbox WHERE transition_ = '' AND state = 'pending'"
    )
    return [json.loads(body) for (body,) in found]


def send(town: Town) -> str:
    """The broker takes all that waits; answers the last downlink's id."""
    for body in waiting(town):
        downlinks.sent(town.hub.connection, body["downlink"], town.clock.time)
        town.hub.session.downlink_tracker.mark_sent(body["downlink"])
    town.hub.connection.execute("DELETE FROM outbox")
    return rows(town)[0].id


@pytest.mark.parametrize(
    ("decoder", "kind", "seconds", "expected"),
    [
        # Milesight EM300 and EM500 pages, "Set report interval as 20 minutes"
        ("milesight-em310", "interval", 1200, (85, "ff03b004")),
        # Milesight VS350 page, "Set report interval as 20 minutes"
        ("milesight-vs350", "interval", 1200, (85, "ff8e001400")),
        ("milesight-em400", "reboot", 0, (85, "ff10ff")),
        # Dragino manuals: 0100003C sets TDC to 60 s, 04FF resets
        ("dragino-ultrasonic", "interval", 60, (2, "0100003c")),
        ("dragino-contact", "reboot", 0, (2, "04ff")),
    ],
)
def test_bytes_are_those_of_the_vendors_pages(
    decoder: str, kind: str, seconds: int, expected: tuple[int, str]
) -> None:
    port, data = family_bytes(decoder, kind, {"interval_s": seconds})
    assert (port, data.hex()) == expected


@pytest.mark.parametrize(
    ("decoder", "kind", "seconds", "words"),
    [
        ("milesight-em310", "interval", 70_000, "at most 65535 s"),
        ("milesight-vs350", "interval", 90, "whole minutes"),
        ("elsys", "interval", 60, "no interval is known for decoder elsys"),
        ("milesight-em310", "thresholds", 0, "no thresholds is known"),
    ],
)
def test_what_no_vendor_documents_is_refused(
    decoder: str, kind: str, seconds: int, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        family_bytes(decoder, kind, {"interval_s": seconds})


@pytest.mark.parametrize(
    ("decoder", "said", "expected"),
    [
        # Milesight EM400-UDL LoRaWAN page: below 1 m or above 3 m
        ("em400", {"distance": [1000, 3000]}, "ff068ce803b80b00000000"),
        # Milesight EM300 page: below 15 °C or over 30 °C
        ("em300-sld", {"temperature": [15, 30]}, "ff060c96002c0100000000"),
        # by the control bytes of the EM500-UDL and EM300 pages: 49 below, 0a over
        ("em500-udl", {"distance": 300}, "ff06492c01000000000000"),
        ("em300-sld", {"temperature": 60}, "ff060a0000580200000000"),
        ("em300-sld", {"temperature": [-5, 60]}, "ff060cceff580200000000"),
    ],
)
def test_thresholds_are_those_of_the_vendors_pages(
    decoder: str, said: dict[str, Any], expected: str
) -> None:
    frame = family_bytes(f"milesight-{decoder}", "thresholds", {"thresholds": said})
    assert (frame.port, frame.data.hex()) == (85, expected)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"distance": [500, 300]}, "the lower number first"),
        ({"distance": 30_000}, "0 to 20000 mm"),
        ({"temperature": 20}, "takes one threshold, distance="),
        ({"distance": 1, "tilt": 3}, "takes one threshold, distance="),
        ({}, "name at least one threshold"),
    ],
)
def test_thresholds_that_cannot_be_sent_are_refused(
    tmp_path: Path, thresholds: dict[str, Any], words: str
) -> None:
    town = Town(tmp_path, UP)
    town.act("adopt", device=EUI, profile="milesight-em400-mud", asset="bin-2")
    town.take([frame(DISTANCE, 1)])
    asked = town.act("downlink", device=EUI, kind="thresholds", thresholds=thresholds)
    assert words in asked["error"]
    assert not waiting(town)


def test_a_native_device_is_asked_on_its_topic(town: Town) -> None:
    result = town.act("downlink", device="d1", kind="interval", interval_s=900)
    (body,) = waiting(town)
    assert body["topic"] == "sensorhub/v1/east/d1/down"
    expected = {"id": result["downlink"], "command": "interval", "interval_s": 900}
    assert json.loads(body["payload"]) == expected == result["payload"]
    (row,) = rows(town)
    assert (row.state, row.by, row.asked_at) == ("asked", "wang", town.clock.time)


def test_a_birth_with_the_new_interval_shows_obedience(town: Town) -> None:
    town.act("downlink", device="d1", kind="interval", interval_s=900)
    told(town, "d1", interval_s=900)
    assert rows(town)[0].state == "asked"  # it was not even sent
    send(town)
    told(town, "d1", interval_s=3600)
    assert rows(town)[0].state == "sent"
    told(town, "d1", interval_s=900)
    row = rows(town)[0]
    assert (row.state, row.note) == ("obeyed", "the device says it reports every 900 s")


@pytest.mark.parametrize("kind", ["reboot", "thresholds", "hex"])
def test_a_device_may_say_which_downlink_it_has_done(town: Town, kind: str) -> None:
    more: dict[str, Any] = {"thresholds": {"fill_level": 80}, "hex": "0102"}
    said = {kind: more[kind]} if kind in more else {}
    town.act("downlink", device="d1", kind=kind, **said)
    id_ = send(town)
    told(town, "d1", done="another")
    if kind != "reboot":
        assert rows(town)[0].state == "sent"
        told(town, "d1", done=id_)
    assert rows(town)[0].state == "obeyed"


def test_a_retained_birth_is_no_reboot(town: Town) -> None:
    town.act("downlink", device="d1", kind="reboot")
    send(town)
    birth = uplink(b'{"state": "online"}', "sensorhub/v1/east/d1/status")
    town.take([birth._replace(flags=RETAIN)])
    assert rows(town)[0].state == "sent"
    town.take([birth])
    assert rows(town)[0].state == "obeyed"


def test_the_interval_itself_twice_in_a_row_shows_obedience(town: Town) -> None:
    town.act("downlink", device="d1", kind="interval", interval_s=900)
    send(town)
    for minutes in (60, 60, 15, 31, 15):
        town.up("d1", minutes * MINUTE, fill_level=1)
        assert rows(town)[0].state == "sent"
    town.up("d1", 15 * MINUTE + 2_000, fill_level=1)
    row = rows(town)[0]
    assert (row.state, row.note) == ("obeyed", "reports every 900 s")


def test_chirpstacks_application_is_learned_from_uplinks(town: Town) -> None:
    asked: dict[str, Any] = {"device": EUI, "kind": "interval", "interval_s": 1200}
    assert "was not yet heard" in town.act("downlink", **asked)["error"]
    town.take([frame(DISTANCE, 1)])
    town.kill()
    town.act("downlink", **asked, confirmed=True)
    (body,) = waiting(town)
    assert body["topic"] == f"application/{APP}/device/{EUI}/command/down"
    assert json.loads(body["payload"]) == {
        "id": body["downlink"],
        "devEui": EUI,
        "confirmed": True,
        "fPort": 85,
        "data": base64.b64encode(bytes.fromhex("ff03b004")).decode(),
    }


def test_txack_is_transmitted_and_ack_is_obeyed(town: Town) -> None:
    town.take([frame(DISTANCE, 1)])
    town.act("downlink", device=EUI, kind="reboot", confirmed=True)
    id_ = send(town)
    town.take([chirpstack("txack", queueItemId=id_)])
    assert rows(town)[0].state == "transmitted"
    town.take([chirpstack("ack", queueItemId="other", acknowledged=True)])
    town.take([chirpstack("ack", queueItemId=id_, acknowledged=False)])
    row = rows(town)[0]
    assert (row.state, row.note) == (
        "transmitted",
        "the device did not acknowledge it",
    )
    town.take([chirpstack("ack", queueItemId=id_, acknowledged=True)])
    assert rows(town)[0].state == "obeyed"


@pytest.mark.parametrize("channel", ["fe", "ff"])
def test_a_milesight_devices_answer_shows_obedience_also_after_a_restart(
    town: Town, channel: str
) -> None:
    town.take([frame(DISTANCE, 1)])
    town.act("downlink", device=EUI, kind="interval", interval_s=1200)
    send(town)
    town.kill()
    town.take([frame(DISTANCE, 2)])
    assert rows(town)[0].state == "sent"
    town.take([frame(bytes.fromhex(f"{channel}03b004"), 3)])
    row = rows(town)[0]
    assert (row.state, row.note) == ("obeyed", "the device answered it")


def test_reading_notes_the_signs_and_changes_nothing(town: Town) -> None:
    town.take([frame(DISTANCE, 1)])
    town.act("downlink", device=EUI, kind="interval", interval_s=1200)
    id_ = send(town)
    tracker = town.hub.session.downlink_tracker
    tracker.applications[town.hub.session.registry.device_no[EUI]] = "another"
    before = deepcopy(vars(tracker))
    messages = [
        frame(bytes.fromhex("fe03b004"), 2),
        chirpstack("txack", queueItemId=id_),
        chirpstack("ack", queueItemId=id_, acknowledged=True),
    ]
    first = town.hub.session.reader.read(messages, town.clock.time)
    assert len(first.downlink_signs) == 3
    assert town.hub.session.reader.read(messages, town.clock.time) == first
    assert vars(tracker) == before
    town.take(messages)
    assert rows(town)[0].state == "obeyed"
    assert APP in tracker.applications


def test_hex_goes_as_it_is_and_needs_a_port(town: Town) -> None:
    town.take([frame(DISTANCE, 1)])
    refused = town.act("downlink", device=EUI, kind="hex", hex="ff28ff")
    assert "needs a port" in refused["error"]
    town.act("downlink", device=EUI, kind="hex", hex="ff28ff", port=85)
    body = json.loads(waiting(town)[0]["payload"])
    assert base64.b64decode(body["data"]).hex() == "ff28ff"


def test_a_codec_encodes_data(town: Town) -> None:
    class Encoder:
        def __init__(self) -> None:
            self.answer: Any = {"bytes": [255, 3, 176, 4], "fPort": 85}

        def encode(self, call: EncodeCall) -> Any:
            assert (call.codec, call.data) == ("eye.js", {"report_interval": 1200})
            return self.answer

    known = profiles()["milesight-em310-udl"]
    codec = known.model_copy(update={"decoder": None, "codec": "eye.js"})
    town.take([frame(DISTANCE, 1)])
    encoder = Encoder()
    town.hub.configuration = replace(
        town.hub.configuration,
        codecs=encoder,  # type: ignore[arg-type]
    )
    device = town.hub.session.registry.device_no[EUI]
    town.hub.session.registry.profiles[device] = codec
    asked: dict[str, Any] = {"kind": "data", "data": {"report_interval": 1200}}
    town.act("downlink", device=EUI, **asked)
    body = json.loads(waiting(town)[0]["payload"])
    assert (body["fPort"], base64.b64decode(body["data"]).hex()) == (85, "ff03b004")
    for answer, words in (
        ({"errors": ["too often"]}, "too often"),
        ({"bytes": "ff"}, "gave no bytes"),
        ({"bytes": [1]}, "names no port"),
        ({"bytes": [], "fPort": 3}, "1 to 242 bytes"),
    ):
        encoder.answer = answer
        assert words in town.act("downlink", device=EUI, **asked)["error"]


def test_native_uplinks_are_not_touched_by_what_waits(town: Town) -> None:
    town.act("downlink", device="d1", kind="interval", interval_s=900)
    send(town)
    town.take([native("d2", {"fill_level": 3}, seq=1)])
    assert rows(town)[0].state == "sent"
