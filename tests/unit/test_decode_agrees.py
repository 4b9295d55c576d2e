"""`sensorhub decode` says of a message what the hub makes of it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.codecs.protocol import NO_CODECS
from sensorhub.config.layout import TopicSettings
from sensorhub.config.settings import MqttSettings, Settings
from sensorhub.hub.tail import lines
from sensorhub.model import Message
from sensorhub.store import register
from sensorhub.views.decoded_views import DeadLetterView, UplinkView
from sensorhub.views.explain import explain_message
from sensorhub.views.judged_message import DecodeContext, RegisterRows
from tests.support.town import HEADER, NOW, UP, Town, profiles
from tests.support.vectors import envelopes, frames, senml

VECTORS = frames()
SAMPLES = envelopes()
PACKS = senml()
TOPICS = (
    TopicSettings(filter="sensorhub/v1/+/+/up", kind="native"),
    TopicSettings(filter="application/+/device/+/event/+", kind="chirpstack"),
    TopicSettings(filter="application/+/node/+/+", kind="chirpstack"),
    TopicSettings(filter="v3/#", kind="tts"),
    TopicSettings(filter="milesight/#", kind="milesight"),
    TopicSettings(filter="senml/#", kind="senml"),
)
UPLINKS = "application/x/device/{}/event/up"


def eui(number: int) -> str:
    return f"24e124{number:010x}"


def sample_messages() -> dict[str, Message]:
    """The documented messages of network servers, and the packs of RFC 8428."""
    found = {}
    for name, sample in SAMPLES.items():
        topic = sample["topic"] if name[0] in "ct" else "milesight/x"
        found[name] = message(topic, sample["message"])
    packs = {pack["name"]: message("senml/a", pack["pack"]) for pack in PACKS}
    return found | packs


def message(topic: str, body: Any) -> Message:
    return Message(topic.encode(), json.dumps(body).encode(), 2)


def fleet() -> str:
    """A device and an asset with a shape for each vector and each sample."""
    known = profiles()
    nothing = RegisterRows([], [], [])
    context = DecodeContext(nothing, known, TOPICS, 65_536, NO_CODECS)
    views = [
        view
        for one in MESSAGES.values()
        for view in explain_message(one.topic.decode(), one.payload, context, NOW)
    ]
    named = sorted(
        {
            device
            for view in views
            if "dead" not in view and (device := view["device"]) is not None
        }
    )
    rows = [(eui(n), vector["profile"]) for n, vector in enumerate(VECTORS)]
    rows += [(name, "milesight-em400-tld") for name in named]
    rows += [("p-1", "native")]
    lines = [
        f"east,park,bin-{n},bin,{device},{profile},1200,200,,,"
        for n, (device, profile) in enumerate(rows)
    ]
    return "\n".join([HEADER, *lines]) + "\n"


MESSAGES = sample_messages()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    chosen = Settings(mqtt=MqttSettings(topics=TOPICS))
    return Town(tmp_path_factory.mktemp("town"), UP, fleet(), settings=chosen)


def hub_says(town: Town, message: Message) -> list[dict[str, Any]]:
    """What `tail` shows of each uplink, as if nothing had come before."""
    town.kill()
    done = town.pipeline.process([message], NOW)
    return lines(town.hub.session.registry, done.parsed, done.columns)


def decode_says(town: Town, message: Message) -> list[UplinkView | DeadLetterView]:
    rows = RegisterRows(*map(list, register.registry_rows(town.hub.connection)))  # type: ignore[arg-type]
    known = town.hub.configuration
    mqtt = known.settings.mqtt
    topics, size = mqtt.topics, mqtt.max_payload_bytes
    context = DecodeContext(rows, known.profiles, topics, size, known.codecs)
    views = explain_message(message.topic.decode(), message.payload, context, NOW)
    return [view for view in views if "event" not in view]


# what only a device's history tells, which decode does not know
HISTORY = {"warming_up"}


def readings(of: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(
        (r["measurement"], r["value"], r["unit"], r["quality"])
        if r.get("reason") not in HISTORY
        else (r["measurement"], r["value"], r["unit"], "ok")
        for r in of
    )


def check(town: Town, message: Message) -> list[dict[str, Any]]:
    """Hub and decode agree; records of one native uplink are shown one by one."""
    hub, views = hub_says(town, message), decode_says(town, message)
    decoded = [view for view in views if "dead" not in view]
    stored = [view for view in decoded if view["outcome"] == "stored"]
    assert readings([{**r} for view in stored for r in view["readings"]]) == readings(
        [r for line in hub for r in line["readings"]]
    )
    ends = {(line["outcome"], line["reason"]) for line in hub}
    assert ends == {
        ("dead", view["dead"]) if "dead" in view else (view["outcome"], view["reason"])
        for view in views
    }
    if ("dead", "unknown_device") not in ends:  # the hub decodes nothing of these
        assert [text for view in decoded for text in view["ignored"]] == [
            text for line in hub for text in line["ignored"]
        ]
        rejected = [view for view in decoded if view["outcome"] == "dead"]
        for view in rejected:
            assert {r["quality"] for r in view["readings"]} <= {"rejected"}
    return hub


@pytest.mark.parametrize("number", range(len(VECTORS)))
def test_every_vector_comes_out_alike(town: Town, number: int) -> None:
    vector = VECTORS[number]
    body = {
        "deviceInfo": {"devEui": eui(number)},
        "fCnt": 7,
        "fPort": vector.get("port", 1),
        "data": base64.b64encode(bytes.fromhex(vector["payload"])).decode(),
    }
    assert check(town, message(UPLINKS.format(eui(number)), body))


@pytest.mark.parametrize("name", MESSAGES)
def test_every_sample_message_comes_out_alike(town: Town, name: str) -> None:
    check(town, MESSAGES[name])


names = st.sampled_from(["fill_level", "distance", "nh3", "humidity", "lid_open", "x"])
numbers = st.one_of(st.floats(-1e4, 1e4), st.integers(-10, 2_000), st.just("much"))
times = st.sampled_from(
    [None, NOW, NOW - 1_000, NOW + 400_000, NOW - 40 * 86_400_000, "soon"]
)
records = st.fixed_dictionaries(
    {"m": st.dictionaries(names, numbers, max_size=4)},
    optional={"ts": times, "seq": st.sampled_from([0, 7, -1, None])},
)
payloads = st.one_of(records, st.lists(records, max_size=3), st.just("{"))


@settings(max_examples=60, deadline=None)
@given(payloads, st.sampled_from(["p-1", "p-9"]))
def test_native_messages_come_out_alike(town: Town, body: Any, device: str) -> None:
    check(town, message(f"sensorhub/v1/east/{device}/up", body))


def test_what_no_setting_reads_and_what_is_too_large_come_out_alike(
    town: Town,
) -> None:
    for topic, payload in (
        (b"what/ever", b"{}"),
        (b"sensorhub/v1/east/p-1/up", b"x" * 70_000),
        (b"application/x/device/1/event/up", b"[]"),
    ):
        (line,) = check(town, Message(topic, payload, 2))
        assert line["outcome"] == "dead"


def test_a_codec_that_is_not_run_comes_out_alike(tmp_path: Path) -> None:
    known = profiles()
    codec = {"decoder": None, "codec": "eye.js", "name": "acme-eye"}
    known = {**known, "acme-eye": known["milesight-em400-tld"].model_copy(update=codec)}
    text = f"{HEADER}\neast,park,bin-1,bin,{eui(1)},acme-eye,1200,200,,,\n"
    chosen = Settings(mqtt=MqttSettings(topics=TOPICS))
    town = Town(tmp_path, UP, text, known=known, settings=chosen)
    body = {"deviceInfo": {"devEui": eui(1)}, "fPort": 85, "data": "AXVc"}
    (line,) = check(town, message(UPLINKS.format(eui(1)), body))
    assert line["reason"] == "codec_off"
