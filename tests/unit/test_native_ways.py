"""All ways to read a native uplink give the same: whole batches, runs, one by one."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensorhub.config.layout import TopicSettings
from sensorhub.config.settings import MqttSettings, Settings
from sensorhub.ingest.native_reader import enter_loosely
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.reader import MessageReader
from sensorhub.ingest.topic_router import TopicRouter
from sensorhub.model import Message
from sensorhub.registry.registry import Registry
from tests.support.town import NOW, UP, Town, uplink

TOPICS = (
    TopicSettings(filter="sensorhub/v1/+/+/up", kind="native"),
    TopicSettings(filter="application/+/device/+/event/+", kind="chirpstack"),
)
JOIN = uplink(
    b'{"deviceInfo": {"devEui": "24e124136b502217"}}',
    "application/a/device/24e124136b502217/event/join",
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    chosen = Settings(mqtt=MqttSettings(topics=TOPICS))
    town = Town(tmp_path_factory.mktemp("town"), UP, settings=chosen)
    return town.hub.session.registry


def reader(registry: Registry) -> MessageReader:
    made = MessageReader(registry, TOPICS, 1_000)
    for device in ("d1", "d2", "d3"):  # a topic is plain from its second message on
        made.read([native(device, b"{}")], NOW)
    return made


def native(device: str, payload: bytes) -> Message:
    zone = "west" if device == "d3" else "east"
    return uplink(payload, f"sensorhub/v1/{zone}/{device}/up")


def read_loosely(registry: Registry, messages: list[Message]) -> ParsedBatch:
    parsed, router = ParsedBatch(), TopicRouter(registry, TOPICS)
    for i, message in enumerate(messages):
        enter_loosely(parsed, i, message, router.route(message.topic))
    return parsed


def read_in_runs(
    registry: Registry, messages: list[Message], cuts: list[int]
) -> ParsedBatch:
    """A message that is no native uplink stands at each of these places."""
    mixed = list(messages)
    for cut in sorted(cuts, reverse=True):
        mixed.insert(cut, JOIN)
    parsed = reader(registry).read(mixed, NOW)
    places = [i for i, message in enumerate(mixed) if message is not JOIN]
    parsed.message = [places.index(i) for i in parsed.message]
    assert parsed.events == len(cuts)
    parsed.events = 0
    return parsed


names = st.sampled_from(["fill_level", "distance", "nh3", "humidity", "x", ""])
values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.sampled_from(["8", True, None]),
)
times = st.one_of(
    st.integers(NOW - 100, NOW + 100),
    st.sampled_from(
        [
            "2026-11-18T11:06:40Z",
            "2026-11-18T11:06:40.0005+08:00",
            "soon",
            2**63,
            float(NOW),
            None,
        ]
    ),
)
records = st.fixed_dictionaries(
    {"m": st.dictionaries(names, values, max_size=4)},
    optional={
        "ts": times,
        "seq": st.sampled_from([0, 7, 7.0, 2**53, 2**53 + 1, -1, True, None]),
        "via": st.sampled_from(["gw-1", "24E124FFFEF00001", 7, None]),
        "more": st.just(1),
    },
)
sound = st.fixed_dictionaries(
    {"m": st.dictionaries(st.just("fill_level"), st.floats(0, 100), min_size=1)},
    optional={"ts": st.integers(NOW - 100, NOW), "seq": st.integers(0, 9)},
)
payloads = st.one_of(
    sound, sound, records, st.lists(records, max_size=2), st.just("{"), st.just({})
).map(lambda body: json.dumps(body).encode())
messages = st.lists(
    st.builds(native, st.sampled_from(["d1", "d2", "d3"]), payloads), max_size=6
)


@settings(max_examples=150, deadline=None)
@given(messages, st.lists(st.integers(0, 6), min_size=1, max_size=2))
@example([native("d1", b'{"m":{"fill_level":1},"seq":1}')] * 3, [1])
@example([native("d1", b'{"m":{"fill_level":1}}'), native("d2", b'{"m":{}}')], [0])
def test_all_ways_give_the_same(
    registry: Registry, messages: list[Message], cuts: list[int]
) -> None:
    loosely = read_loosely(registry, messages)
    assert reader(registry).read(messages, NOW) == loosely
    assert read_in_runs(registry, messages, cuts) == loosely


def test_sound_uplinks_go_the_fast_ways(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reader(registry)
    loosely: list[Any] = []
    monkeypatch.setattr(
        "sensorhub.ingest.reader.enter_loosely", lambda *args: loosely.append(args)
    )
    good = native("d1", b'{"m":{"fill_level":1},"seq":1}')
    for batch in ([good] * 3, [good, JOIN, good]):
        assert made.read(batch, NOW).message
    assert loosely == []
