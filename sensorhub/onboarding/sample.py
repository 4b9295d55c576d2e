"""Decoding of a sample message of any network server. Pure."""

from typing import Any

from sensorhub.config.layout import Layout
from sensorhub.decode.envelopes import ENVELOPES
from sensorhub.decode.network_server import add_decoded, parse_json
from sensorhub.decode.senml import senml
from sensorhub.decode.units import amount
from sensorhub.model import Envelope, EnvelopeError


def sample_uplink(payload: bytes) -> Envelope:
    """Return the uplink in a message of unknown topic, by the content.

    Raises EnvelopeError where there is none.
    """
    message = parse_json(payload)
    kind = _kind(message)
    if kind == "senml":
        return senml("", payload, 0, Layout())[0]
    if kind:
        for envelope in ENVELOPES[kind]("sample", payload):
            if envelope.event is None:
                return envelope
        raise EnvelopeError("the message is an event, no uplink")
    envelope = Envelope("")
    first = message[0] if isinstance(message, list) and message else message
    add_decoded(envelope, first)
    if not (envelope.fields or envelope.texts):
        raise EnvelopeError("no values in the message")
    return envelope


def values_with_unit(payload: bytes) -> set[float]:
    """Return the numbers that a message has as text with a unit, "31.5 cm"."""
    found = set()
    pending = [parse_json(payload)]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and not value.strip()[-1:].isdigit():
            number = amount(value)
            found |= set() if number is None else {number}
    return found


def _kind(message: Any) -> str:
    if isinstance(message, list):
        records = [r for r in message if isinstance(r, dict)]
        whole = records and len(records) == len(message)
        named = all({"n", "bn"} & set(r) or {"v", "vs", "vb"} & set(r) for r in records)
        return "senml" if whole and named and {"n", "bn"} & set(records[0]) else ""
    if not isinstance(message, dict):
        return ""
    if "uplink_message" in message:
        return "tts"
    if "deviceInfo" in message or "objectJSON" in message:
        return "chirpstack"
    about = {"rxInfo", "txInfo", "fPort", "applicationID", "object", "obj"}
    if "devEUI" in message and about & set(message):
        plain = len(str(message["devEUI"])) == 16 and "object" not in message
        return "milesight" if plain else "chirpstack"
    return ""
