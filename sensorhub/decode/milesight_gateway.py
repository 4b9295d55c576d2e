"""The MQTT messages of a Milesight gateway's built-in network server. Pure.

Topics are free text. With a payload codec on the gateway the message is the codec's
result alone, at the top or under `obj`, and may lack devEUI: then a topic level that
is one counts (`$devEUI` in the gateway's topic setting), or the level that our own
setting names (`$deviceName`).
Layouts: Milesight support article 73000600064; SensorDecoders issue 42.
"""

from typing import Any, Final

from sensorhub.decode.network_server import (
    add_decoded,
    best_link,
    dev_eui,
    gateways_of,
    integer_at,
    parse_object,
    parse_rfc3339,
    receptions,
    set_payload,
    text_at,
    topic_device,
)
from sensorhub.model import Envelope, EnvelopeError

_EUI_KEYS: Final = ("devEUI", "devEui", "deveui", "dev_eui")
_RESULT_KEYS: Final = ("obj", "object")
# metadata beside the decoded values
_WRAPPING: Final = frozenset(
    (
        *_EUI_KEYS,
        *_RESULT_KEYS,
        *("applicationID", "applicationName", "deviceName", "deviceID", "devAddr"),
        *("gatewaySN", "gatewayTime", "metadata", "rxInfo", "txInfo", "time"),
        *("fCnt", "fPort", "data", "adr", "dr", "confirmed", "objectName", "objectID"),
    )
)


def milesight(topic: str, payload: bytes, level: int | None = None) -> list[Envelope]:
    """Return the uplink or event of a Milesight gateway's message."""
    message = parse_object(payload)
    device = _device(topic, message, level)
    heard = receptions(message.get("rxInfo"))
    envelope = Envelope(
        device,
        _event(message),
        network_time=_time(message, heard),
        link=best_link(heard, "loRaSNR"),
        gateways=gateways_of(heard, lambda entry: entry.get("mac")),
    )
    if envelope.event is None:
        _fill(envelope, message)
    return [envelope]


def _device(topic: str, message: dict[str, Any], level: int | None) -> str:
    given = [message.get(key) for key in _EUI_KEYS]
    for key in _RESULT_KEYS:
        inner = message.get(key)
        if isinstance(inner, dict):
            given += [inner.get(eui) for eui in _EUI_KEYS]
    given += [level for level in topic.split("/") if len(level) == 16]
    found = (dev_eui(value) for value in given)
    device = next((eui for eui in found if eui is not None), None)
    if device is None and level is not None:
        return topic_device(topic, level)
    if device is None:
        raise EnvelopeError("no devEUI, neither in the message nor as a topic level")
    return device


def _event(message: dict[str, Any]) -> str | None:
    if isinstance(message.get("acknowledged"), bool):
        return "ack"
    if isinstance(message.get("error"), str):
        return "error"
    if "devAddr" in message and "data" not in message:
        return "join"
    return None


def _time(message: dict[str, Any], heard: list[dict[str, Any]]) -> int | None:
    given = [message.get("time"), *(entry.get("time") for entry in heard)]
    times = (parse_rfc3339(value) for value in (*given, message.get("gatewayTime")))
    return next((ms for ms in times if ms is not None), None)


def _fill(envelope: Envelope, message: dict[str, Any]) -> None:
    envelope.seq = integer_at(message, "fCnt", 0xFFFF_FFFF)
    envelope.port = integer_at(message, "fPort", 255) or 0
    envelope.session = text_at(message, "devAddr")
    inner = next((message[key] for key in _RESULT_KEYS if key in message), None)
    if isinstance(inner, dict):
        add_decoded(envelope, {k: v for k, v in inner.items() if k not in _EUI_KEYS})
    rest = {key: v for key, v in message.items() if key not in _WRAPPING}
    if rest:
        add_decoded(envelope, rest)
    set_payload(envelope, message.get("data"))
    if envelope.payload is None and not (envelope.fields or envelope.texts):
        raise EnvelopeError("neither data nor a codec's values in the message")
