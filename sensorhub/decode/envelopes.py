"""Envelope kinds: one line a kind, one file a kind.

Each function takes topic and payload of a message and returns its envelopes, or raises
EnvelopeError (and nothing else) with the cause.
"""

from collections.abc import Callable
from functools import partial

from sensorhub.config.layout import Layout
from sensorhub.decode.chirpstack import chirpstack
from sensorhub.decode.free_json import free_json
from sensorhub.decode.milesight_gateway import milesight
from sensorhub.decode.senml import senml
from sensorhub.decode.tts import tts
from sensorhub.model import Envelope

Unwrap = Callable[[str, bytes, int], list[Envelope]]

ENVELOPES: dict[str, Callable[[str, bytes], list[Envelope]]] = {
    "chirpstack": chirpstack,
    "tts": tts,
    "milesight": milesight,
}


def unwrapper(kind: str, layout: Layout) -> Unwrap:
    """Return the function of a topic setting: topic, payload, now (ms) to envelopes."""
    if kind == "senml":
        return partial(_senml, layout)
    if kind == "json":
        return lambda topic, payload, _now: free_json(topic, payload, layout)
    if kind == "milesight":
        return lambda topic, payload, _now: milesight(topic, payload, layout.level)
    plain = ENVELOPES[kind]
    return lambda topic, payload, _now: plain(topic, payload)


def _senml(layout: Layout, topic: str, payload: bytes, now: int) -> list[Envelope]:
    return senml(topic, payload, now, layout)
