import base64
import json
from typing import Any

import pytest

from sensorhub.decode.envelopes import ENVELOPES
from sensorhub.model import Envelope, EnvelopeError, Text
from tests.support.vectors import envelopes

SAMPLES = envelopes()
V4 = "application/x/device/0101010101010101/event/"
EUI = "24e124136b502217"


def kind_of(name: str) -> str:
    return name.partition("_")[0]


def take(name: str) -> Envelope:
    sample = SAMPLES[name]
    return unwrap(kind_of(name), sample["topic"], sample["message"])


def unwrap(kind: str, topic: str, message: Any) -> Envelope:
    (envelope,) = ENVELOPES[kind](topic, json.dumps(message).encode())
    return envelope


def v4_uplink(**changes: Any) -> dict[str, Any]:
    message = json.loads(json.dumps(SAMPLES["chirpstack_v4_doc_up"]["message"]))
    message.update(changes)
    return {key: value for key, value in message.items() if value is not ...}


def values(envelope: Envelope) -> dict[str, float]:
    return {field.name: field.value for field in envelope.fields}


EVENTS = {
    "chirpstack_v3_doc_ack": "ack",
    "chirpstack_v3_doc_error": "error",
    "chirpstack_v3_doc_join": "join",
    "chirpstack_v3_doc_status": "status",
    "chirpstack_v3_doc_txack": "txack",
    "chirpstack_v4_doc_ack": "ack",
    "chirpstack_v4_doc_integration": "integration",
    "chirpstack_v4_doc_join": "join",
    "chirpstack_v4_doc_location": "location",
    "chirpstack_v4_doc_log": "log",
    "chirpstack_v4_doc_status": "status",
    "chirpstack_v4_doc_txack": "txack",
    "tts_v3_doc_down_ack": "ack",
    "tts_v3_doc_down_failed": "error",
    "tts_v3_doc_down_push": "downlink",
    "tts_v3_doc_join": "join",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_documented_message_is_an_uplink_or_a_named_event(name: str) -> None:
    assert take(name).event == EVENTS.get(name)


@pytest.mark.parametrize("name", [n for n in EVENTS if not n.endswith("txack")])
def test_an_event_is_known_without_its_topic(name: str) -> None:
    sample = SAMPLES[name]
    envelope = unwrap(kind_of(name), "town/lorawan", sample["message"])
    assert envelope.event == EVENTS[name]


@pytest.mark.parametrize(
    ("name", "gateways"),
    [
        ("chirpstack_v4_doc_up", ("0016c001f153a14c",)),
        ("chirpstack_v3_doc_up", ("0303030303030303",)),
        ("milesight_gateway_doc_uplink", ("24e124fffef54092",)),
        ("tts_v3_doc_up", ("9c5c8e00001a05c4",)),
    ],
)
def test_the_gateways_that_heard_it_are_known(
    name: str, gateways: tuple[str, ...]
) -> None:
    assert take(name).gateways == gateways


def test_the_loudest_gateway_comes_first_and_none_twice() -> None:
    heard = [
        {"gatewayId": "A84041FFFF000001", "rssi": -90},
        {"gatewayId": "a84041ffff000002", "rssi": -60},
        {"gatewayId": "a84041ffff000001", "rssi": -95},
        {"gatewayId": "no such/id", "rssi": -20},
    ]
    quick = unwrap("chirpstack", "a/up", v4_uplink(rxInfo=heard))
    slow = unwrap("chirpstack", "a", v4_uplink(rxInfo=heard))
    wanted = ("a84041ffff000002", "a84041ffff000001")
    assert (quick.gateways, slow.gateways) == (wanted, wanted)


@pytest.mark.parametrize(
    ("name", "session"),
    [
        ("chirpstack_v4_doc_up", "00189440"),
        ("chirpstack_v3_doc_up", ""),
        ("milesight_gateway_doc_uplink", ""),
        ("tts_v3_doc_up", "AXA50tHUGUucuzS/bCGMNw=="),
    ],
)
def test_a_session_is_known_where_the_network_tells_it(name: str, session: str) -> None:
    assert take(name).session == session


def test_quick_and_slow_way_know_the_same_session() -> None:
    given = v4_uplink(devAddr="01020304")
    ways = [unwrap("chirpstack", topic, given).session for topic in ("a/up", "a")]
    assert ways == ["01020304", "01020304"]


def test_chirpstack_4_uplink_without_counter_is_number_zero() -> None:
    assert take("chirpstack_v4_doc_up") == Envelope(
        "0101010101010101",
        seq=0,
        port=1,
        payload=b"\xaa",
        network_time=1_658_136_855_775,
        link={"rssi": -36, "snr": 10.5},
        gateways=("0016c001f153a14c",),
        session="00189440",
    )


def test_chirpstack_3_uplink_has_its_device_in_base64_and_values_as_text() -> None:
    envelope = take("chirpstack_v3_doc_up")
    assert envelope.device == "0202020202020202"
    assert (envelope.seq, envelope.port) == (10, 5)
    assert values(envelope) == {"temperatureSensor": 25, "humiditySensor": 32}
    assert envelope.link == {"rssi": -48, "snr": 9}
    assert envelope.network_time == 1_573_221_565_048
    assert envelope.payload is None  # the documentation's sample has "..." for data
    assert envelope.ignored[0].startswith("payload: not base64")


def test_chirpstack_3_legacy_uplink_has_its_device_in_hex() -> None:
    message = {
        "applicationID": "1",
        "devEUI": "A840410000000001",
        "rxInfo": [{"rssi": -90, "loRaSNR": 7.2, "time": "2025-01-02T03:04:05Z"}],
        "fCnt": 5,
        "fPort": 2,
        "data": "DTsK7wAAAAE=",
        "object": {"Distance": 2799, "on": True, "nested": {"a": [1, "x"]}},
    }
    envelope = unwrap("chirpstack", "application/1/device/a840410000000001/rx", message)
    assert envelope.device == "a840410000000001"
    assert envelope.payload == bytes.fromhex("0d3b0aef00000001")
    assert values(envelope) == {"Distance": 2799, "on": 1, "nested.a.0": 1}
    assert envelope.texts == [Text("nested.a.1", "x")]
    assert envelope.network_time == 1_735_787_045_000
    assert (envelope.event, envelope.link) == (None, {"rssi": -90, "snr": 7.2})


def test_the_gateway_that_heard_it_loudest_gives_the_link() -> None:
    heard = [{"rssi": -110, "snr": 9}, {"rssi": -70}, {"rssi": -90, "snr": 12}]
    fast = unwrap("chirpstack", V4 + "up", v4_uplink(rxInfo=heard))
    assert fast.link == {"rssi": -70, "snr": 0}
    slow = unwrap("chirpstack", V4 + "up", v4_uplink(rxInfo=[*heard, {}]))
    assert slow.link == fast.link


def test_a_reception_without_strength_or_a_broken_time_costs_no_uplink() -> None:
    message = v4_uplink(rxInfo=[{}], time="yesterday", fCnt=7)
    envelope = unwrap("chirpstack", V4 + "up", message)
    assert (envelope.seq, envelope.network_time, envelope.link) == (7, None, {})


def test_values_from_a_codec_are_kept_beside_the_bytes() -> None:
    message = v4_uplink(object={"temperatuur": 21.0, "lekstatus:0": 0.0})
    envelope = unwrap("chirpstack", V4 + "up", message)
    assert values(envelope) == {"temperatuur": 21, "lekstatus:0": 0}
    assert envelope.payload == b"\xaa"


def test_an_uplink_of_mac_commands_has_no_payload() -> None:
    envelope = unwrap("chirpstack", V4 + "up", v4_uplink(data=..., fPort=...))
    assert (envelope.event, envelope.payload, envelope.port) == (None, None, 0)


def test_an_event_of_a_later_chirpstack_is_no_uplink() -> None:
    message = {"deviceInfo": {"devEui": "0101010101010101"}}
    assert unwrap("chirpstack", V4 + "relay", message).event == "relay"


def test_tts_uplink_is_dated_by_the_network_server() -> None:
    assert take("tts_v3_doc_up") == Envelope(
        "0004a30b001c0530",
        seq=1,
        port=0,
        payload=base64.b64decode("gkHe"),
        fields=take("tts_v3_doc_up").fields,
        network_time=1_581_520_545_789,
        link={"rssi": -35, "snr": 5},
        gateways=("9c5c8e00001a05c4",),
        session="AXA50tHUGUucuzS/bCGMNw==",
    )
    assert values(take("tts_v3_doc_up")) == {"temperature": 1, "luminosity": 0.64}


def test_tts_uplink_without_counter_is_number_zero() -> None:
    envelope = take("tts_v3_doc_up_mqtt")
    assert (envelope.device, envelope.seq) == ("4200000000000000", 0)
    assert (envelope.port, envelope.payload) == (15, b"Temperature = 0.0")
    assert envelope.network_time == 1_548_766_954_981


def test_tts_device_without_eui_is_known_by_its_name() -> None:
    message = {"end_device_ids": {"device_id": "dev1"}, "uplink_message": {}}
    assert unwrap("tts", "v3/app/devices/dev1/up", message).device == "dev1"
    message["end_device_ids"]["device_id"] = f"eui-{EUI}"
    assert unwrap("tts", "v3/app/devices/x/up", message).device == EUI
    downlink: dict[str, Any] = {"downlinks": []}
    pushed = unwrap("tts", "v3/app/devices/dev1/down/push", downlink)
    assert (pushed.device, pushed.event) == ("dev1", "downlink")


@pytest.mark.parametrize(
    ("name", "device", "seq", "payload", "snr"),
    [
        (
            "milesight_building_gateway_doc_uplink_2026",
            "24e124527f418093",
            84,
            "0e03eb0a00d0073c64",
            12.2,
        ),
        ("milesight_ds7610_doc_rx", "24e124136c379261", 1, "ff0bffff0101", 8),
        ("milesight_gateway_doc_uplink", EUI, 128, "0367ea0004684f050000", 13.8),
    ],
)
def test_milesight_gateway_uplink_with_bytes(
    name: str, device: str, seq: int, payload: str, snr: float
) -> None:
    envelope = take(name)
    assert envelope.device == device
    assert (envelope.seq, envelope.port) == (seq, 85)
    assert envelope.payload == bytes.fromhex(payload)
    assert envelope.link["snr"] == snr
    assert envelope.network_time is not None
    assert envelope.fields == []


def test_milesight_gateway_with_codec_sends_values_alone() -> None:
    plain = unwrap("milesight", f"up/{EUI.upper()}", {"battery": 92, "distance": 315})
    assert (plain.device, plain.seq) == (EUI, None)
    assert values(plain) == {"battery": 92, "distance": 315}
    message = {"devEUI": EUI, "fPort": 85, "obj": {"battery": 92, "position": "tilt"}}
    nested = unwrap("milesight", "anything", message)
    assert (nested.device, values(nested)) == (EUI, {"battery": 92})
    assert nested.texts == [Text("position", "tilt")]


@pytest.mark.parametrize(
    ("more", "event"),
    [
        ({"acknowledged": True}, "ack"),
        ({"error": "UPLINK_FCNT_RETRANSMISSION", "type": "X"}, "error"),
        ({"devAddr": "00112233"}, "join"),
    ],
)
def test_milesight_gateway_events_are_no_uplinks(
    more: dict[str, Any], event: str
) -> None:
    assert unwrap("milesight", "any", {"devEUI": EUI, **more}).event == event


@pytest.mark.parametrize(
    ("kind", "payload", "word"),
    [
        ("chirpstack", b"", "not JSON"),
        ("chirpstack", b"\xff\xfe", "not JSON"),
        ("chirpstack", b'"\xff"', "not JSON"),
        ("chirpstack", b"[" * 100_000, "not JSON"),
        ("chirpstack", b'{"a":' * 100_000, "not JSON"),
        ("chirpstack", b"[1]", "an array"),
        ("chirpstack", b"NaN", "not JSON"),
        ("chirpstack", b"1" * 400, "a huge number"),
        ("chirpstack", b"{}", "no DevEUI"),
        ("chirpstack", b'{"devEUI": "AgIC"}', "no DevEUI"),
        ("chirpstack", b'{"deviceInfo": {"devEui": "01010101 0101010"}}', "no DevEUI"),
        ("tts", b"{}", "end_device_ids"),
        ("tts", b'{"end_device_ids": {"device_id": "a"}}', "neither"),
        ("milesight", b"{}", "no devEUI"),
        ("milesight", b'{"devEUI": "24e124136b502217"}', "neither data"),
    ],
)
def test_what_is_not_what_it_promises_is_refused_in_words(
    kind: str, payload: bytes, word: str
) -> None:
    with pytest.raises(EnvelopeError, match=word):
        ENVELOPES[kind]("application/1/device/2/event/up", payload)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"data": "qg"}, "base64"),
        ({"data": 7}, "base64"),
        ({"data": "q g="}, "base64"),
        ({"fPort": 256}, "fPort"),
        ({"fPort": True}, "fPort"),
        ({"fCnt": -1}, "fCnt"),
        ({"fCnt": 2**32}, "fCnt"),
        ({"fCnt": 10**300}, "fCnt"),
        ({"fCnt": "12"}, "fCnt"),
        ({"fCnt": 1.5}, "fCnt"),
    ],
)
def test_an_uplink_with_a_wrong_part_is_refused_in_words(
    changes: dict[str, Any], word: str
) -> None:
    with pytest.raises(EnvelopeError, match=word):
        unwrap("chirpstack", V4 + "up", v4_uplink(**changes))


def test_decoded_values_without_end_are_bounded() -> None:
    many = {f"k{n}": n for n in range(100_000)}
    envelope = unwrap("chirpstack", V4 + "up", v4_uplink(object=many))
    assert len(envelope.fields) == 256
    assert envelope.ignored == ["further decoded values: too many"]
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    envelope = unwrap("chirpstack", V4 + "up", v4_uplink(object=deep))
    assert envelope.fields == []
    assert envelope.ignored
