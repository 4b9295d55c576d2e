import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorhub.config.layout import Layout
from sensorhub.decode.envelopes import ENVELOPES, unwrapper
from sensorhub.model import EnvelopeError
from tests.support.vectors import envelopes

SAMPLES = envelopes()
LIKELY = ["24e124136b502217", "AgICAgICAgI=", "dev1", "qg==", "2022-07-18T09:34:15Z"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["24e124136b502217", "AgICAgICAgI=", "dev1", "qg==", "2022-07-18T09:34:15Z"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = sorted({key for s in SAMPLES.values() for key in s["message"]} | {"obj"})
MESSAGE = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8)
FREE_KEYS = ["n", "v", "t", "u", "bn", "bt", "vs", "device", "payload", "seq", "time"]
FREE = st.lists(
    st.dictionaries(st.sampled_from(FREE_KEYS), JSON, max_size=6), max_size=3
)
TOPIC = st.sampled_from([s["topic"] for s in SAMPLES.values()]) | st.text(max_size=40)


PLACES = ("device", "payload", "port", "seq", "time")
KINDS = {kind: unwrapper(kind, Layout()) for kind in ENVELOPES} | {
    "senml": unwrapper("senml", Layout()),
    "senml by topic": unwrapper("senml", Layout(level=1)),
    "milesight by topic": unwrapper("milesight", Layout(level=1)),
    "json by topic": unwrapper("json", Layout(level=1)),
    "json": unwrapper("json", Layout(**{key: key for key in PLACES})),
    "json pairs": unwrapper("json", Layout(level=1, name="n", value="v", time="t")),
    "json inside": unwrapper(
        "json", Layout(device="n", records="v", values="u", only={"t": 1})
    ),
}


def survives(kind: str, topic: str, payload: bytes) -> None:
    try:
        found = KINDS[kind](topic, payload, 1_795_000_000_000)
    except EnvelopeError:
        return
    assert all(e.device or e.broken or e.event for e in found)


def all_survive(topic: str, payload: bytes) -> None:
    for kind in KINDS:
        survives(kind, topic, payload)


# each example goes through all kinds: more of them than each had by itself
@settings(max_examples=200)
@given(topic=TOPIC, payload=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_envelope_error(topic: str, payload: bytes) -> None:
    all_survive(topic, payload)


@settings(max_examples=200)
@given(topic=TOPIC, message=MESSAGE | JSON | FREE)
def test_no_json_raises_anything_but_envelope_error(topic: str, message: Any) -> None:
    all_survive(topic, msgspec.json.encode(message))


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=25)
@given(data=st.data())
def test_no_change_of_a_documented_message_raises_anything_but_envelope_error(
    name: str, data: st.DataObject
) -> None:
    sample = SAMPLES[name]
    message = json.loads(json.dumps(sample["message"]))
    at = message
    key = data.draw(st.sampled_from(sorted(at)))
    while isinstance(at[key], dict) and at[key] and data.draw(st.booleans()):
        at = at[key]
        key = data.draw(st.sampled_from(sorted(at)))
    at[key] = data.draw(JSON)
    survives(name.partition("_")[0], sample["topic"], msgspec.json.encode(message))
