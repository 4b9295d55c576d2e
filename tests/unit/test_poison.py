"""No input ends the hub, loses another's uplink or passes unnoticed."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensorhub.decode.envelopes import ENVELOPES
from sensorhub.model import Message
from tests.support.happenings import COLUMNS, RULES, START
from tests.support.stories import Story
from tests.support.vectors import envelopes

SAMPLES = list(envelopes().values())
PROFILES = [
    "dragino-dds75-lb",
    "milesight-em300-mld",
    "milesight-em310-udl",
    "milesight-em400-tld",
    "milesight-gs301",
    "milesight-vs350",
    "native",
]
SETTINGS = """
[dead_letters]
per_device = 100000
[mqtt]
topics = [
  { filter = "sensorhub/v1/+/+/up", kind = "native" },
  { filter = "application/+/device/+/event/+", kind = "chirpstack" },
  { filter = "v3/+/devices/+/#", kind = "tts" },
  { filter = "milesight/#", kind = "milesight" },
]
"""
OWN = b"sensorhub/v1/z/own/up"
NUMBER = count(1)


def known_devices() -> list[str]:
    """Devices that the documented messages come from."""
    found = set()
    for sample in SAMPLES:
        payload = json.dumps(sample["message"]).encode()
        for read in ENVELOPES.values():
            try:
                found |= {envelope.device for envelope in read("", payload)}
            except ValueError:
                continue
    return sorted(found)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    lines = [COLUMNS, "z,s,own,bin,1000,100,own,native,,,,"]
    lines += ["z,s,b,bin,1000,100,b,native,,,,"]
    for number, device in enumerate(known_devices()):
        profile = PROFILES[number % len(PROFILES)]
        lines.append(f"z,s,a{number},bin,1000,100,{device},{profile},,,,")
    fleet = "\n".join(lines)
    folder = tmp_path_factory.mktemp("poison")
    story = Story(folder, START, RULES, fleet, SETTINGS)
    yield story
    story.hub.close()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([1e308, -0.0, 2**63, 2**64, 10**400, "NaN", "2026-11-18T00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["m", "ts", "seq", "fill_level", "nh3", "object", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def mutated(sample: Any, path: list[int], value: Any) -> bytes:
    """The sample with one node replaced; `path` picks it."""
    whole = json.loads(json.dumps(sample))
    at, steps = whole, iter(path)
    for step in steps:
        keys = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        key = keys[step % len(keys)]
        if not isinstance(at[key], dict | list) or not at[key] or step % 5 == 0:
            at[key] = value
            break
        at = at[key]
    return as_json(whole)


SOUND = {"ts": START, "seq": 7, "m": {"fill_level": 40.0, "temperature": 20.0}}
NATIVE = st.builds(
    lambda path, value: mutated(SOUND, path, value),
    st.lists(st.integers(0, 99), max_size=3),
    JSON,
)
PAYLOAD = (
    st.binary(max_size=300)
    | JSON.map(as_json)
    | NATIVE
    | NATIVE.map(lambda b: b[: len(b) // 2])
    | NATIVE.map(lambda b: b.decode().encode("utf-16"))
    | NATIVE.map(lambda b: b"\xef\xbb\xbf" + b)
    | st.lists(NATIVE, max_size=5).map(lambda parts: b"[" + b",".join(parts) + b"]")
    | st.sampled_from(
        [
            b"",
            b"[" * 50_000,
            b'{"m":' * 20_000,
            b"x" * 70_000,
            b'{"m":{"fill_level":NaN}}',
            b'{"m":{"fill_level":Infinity}}',
            b'{"m":{"fill_level":1e999}}',
            b'{"m":{"fill_level":' + b"9" * 5_000 + b"}}",
            b'{"ts":' + b"9" * 5_000 + b',"m":{"fill_level":4}}',
            b'{"ts":-9223372036854775808,"m":{"fill_level":4}}',
            b'{"ts":4611686018427387904,"m":{"fill_level":4}}',
            b'{"ts":"0001-01-01T00:00:00+14:00","m":{"fill_level":4}}',
            b'{"ts":"9999-12-31T23:59:59-14:00","m":{"fill_level":4}}',
            b'{"seq":9007199254740993,"m":{"fill_level":4}}',
            b'{"m":{"fill_level":4,"fill_level":5}}',
            b'{"m":{}}',
            b"[]",
            b"null",
        ]
    )
)
TOPIC = st.sampled_from(
    [
        b"sensorhub/v1/z/b/up",
        b"sensorhub/v1/other/b/up",
        b"sensorhub/v1/z/nobody/up",
        b"sensorhub/v1/z/b/status",
        b"sensorhub/v1/z/nobody/status",
        b"sensorhub/v1///up",
        b"\xff\xfe/\x00",
        b"a" * 65_535,
        b"/",
        b"$SYS/x",
        "sensorhub/v1/区/箱/up".encode(),
        *[s["topic"].encode() for s in SAMPLES],
    ]
) | st.text(max_size=30).map(lambda s: s.encode("utf-8", "replace"))
WRAPPED = st.builds(
    lambda sample, path, value: (
        sample["topic"].encode(),
        mutated(sample["message"], path, value),
    ),
    st.sampled_from(SAMPLES),
    st.lists(st.integers(0, 99), max_size=6),
    JSON,
)
POISON = st.builds(
    lambda pair, flags: Message(pair[0], pair[1], flags),
    st.tuples(TOPIC, PAYLOAD) | WRAPPED,
    st.integers(0, 15),
)


def own() -> Message:
    """A sound uplink that nothing may lose."""
    number = next(NUMBER)
    body = {"seq": number, "m": {"temperature": number % 40}}
    return Message(OWN, as_json(body), 2)


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(POISON, min_size=1, max_size=4))
def test_poison_ends_somewhere_and_harms_nobody(
    story: Story, poison: list[Message]
) -> None:
    story.clock.time += 120_000
    before = story.counters()
    batch = [own()]
    for message in poison:
        batch += [message, own()]
    story.take(batch)
    moved = story.counters() - before
    ends = moved["uplinks_stored"] + moved["uplinks_duplicate"] + moved["uplinks_dead"]
    assert moved["uplinks_received"] == ends
    assert ends + moved["events_received"] >= len(batch)
    assert moved["uplinks_stored"] >= len(poison) + 1
    assert not moved["uplink_internal_error"]
    kept = story.rows(
        "SELECT coalesce(sum(uplinks), 0), (SELECT count(*) FROM dead_letters)"
        " FROM journal"
    )
    total: Counter[str] = story.counters()
    assert kept[0][1] == total["uplinks_dead"]


def test_every_own_uplink_is_read_back_after_a_restart(story: Story) -> None:
    story.take([own()])
    story.kill()
    devices = Counter(row[3] for row in story.readings())
    assert devices["own"] == next(NUMBER) - 1


@pytest.mark.parametrize("topic", ["status", "up"])
def test_deep_nesting_breaks_nothing(story: Story, topic: str) -> None:
    before = story.counters()
    deep = b'{"x":' + b"[" * 5_000
    story.take([Message(f"sensorhub/v1/z/b/{topic}".encode(), deep, 0)])
    moved = story.counters() - before
    assert moved["uplinks_dead"] + moved["events_received"] == 1
    assert not moved["uplink_internal_error"]
