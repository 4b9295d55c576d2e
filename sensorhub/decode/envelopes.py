"""Envelope kinds: one line a kind, one file a kind.

Each function takes topic and payload of a message and answers what it wraps, or
raises EnvelopeError (and nothing else) with a word on what is wrong.
"""

from collections.abc import Callable

from sensorhub.decode.chirpstack import chirpstack
from sensorhub.decode.milesight_gateway import milesight
from sensorhub.decode.tts import tts
from sensorhub.model import Envelope

ENVELOPES: dict[str, Callable[[str, bytes], list[Envelope]]] = {
    "chirpstack": chirpstack,
    "tts": tts,
    "milesight": milesight,
}
