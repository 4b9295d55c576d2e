"""The Things Stack v3, MQTT integration. Pure.

Topics: v3/APPLICATION[@TENANT]/devices/ID/EVENT. `dev_eui` is upper-case hex;
`f_port` and `f_cnt` are left out when 0. A device without DevEUI (ABP) is known by
its TTS device id. Layout: The Things Stack documentation, "Data formats".
"""

from typing import Any, Final

from sensorhub.decode.network_server import (
    add_decoded,
    best_link,
    dev_eui,
    gateways_of,
    integer_at,
    object_at,
    parse_object,
    parse_rfc3339,
    receptions,
    set_payload,
    text_at,
)
from sensorhub.model import Envelope, EnvelopeError, is_id

# the event by a key of the message
_BY_CONTENT: Final = {
    "join_accept": "join",
    "downlink_ack": "ack",
    "downlink_nack": "nack",
    "downlink_sent": "txack",
    "downlink_queued": "queued",
    "downlink_failed": "error",
    "downlink_queue_invalidated": "queue_invalidated",
    "downlinks": "downlink",
    "location_solved": "location",
    "service_data": "integration",
    "uplink_normalized": "normalized",
}


def tts(topic: str, payload: bytes) -> list[Envelope]:
    """Return the uplink or event of a The Things Stack message."""
    message = parse_object(payload)
    device = _device(topic, object_at(message, "end_device_ids"))
    uplink = message.get("uplink_message")
    if isinstance(uplink, dict):
        return [_uplink(device, message, uplink)]
    event = next((e for key, e in _BY_CONTENT.items() if key in message), None)
    if event is None:
        raise EnvelopeError(
            "neither uplink_message nor a known event; keys: "
            + f"{', '.join(message):.120}"
        )
    received = parse_rfc3339(message.get("received_at"))
    return [Envelope(device, event, network_time=received)]


def _device(topic: str, ids: dict[str, Any]) -> str:
    device = dev_eui(ids.get("dev_eui"))
    if device is not None:
        return device
    levels = topic.split("/")
    name = ids.get("device_id")
    if name is None and len(levels) > 3 and levels[2] == "devices":
        name = levels[3]  # applications publish their downlinks without ids
    if not isinstance(name, str) or not is_id(name):
        raise EnvelopeError("end_device_ids has neither dev_eui nor device_id")
    return dev_eui(name.removeprefix("eui-")) or name


def _uplink(device: str, message: dict[str, Any], uplink: dict[str, Any]) -> Envelope:
    heard = receptions(uplink.get("rx_metadata"))
    ids = object_at(message, "end_device_ids")
    envelope = Envelope(
        device,
        None,
        integer_at(uplink, "f_cnt", 0xFFFF_FFFF) or 0,
        integer_at(uplink, "f_port", 255) or 0,
        network_time=_time(message, uplink, heard),
        link=best_link(heard, "snr"),
        gateways=gateways_of(heard, _gateway),
        session=text_at(uplink, "session_key_id") or text_at(ids, "dev_addr"),
    )
    if uplink.get("decoded_payload") is not None:
        add_decoded(envelope, uplink["decoded_payload"])
    set_payload(envelope, uplink.get("frm_payload"))
    return envelope


def _gateway(entry: dict[str, Any]) -> object:
    ids = object_at(entry, "gateway_ids")
    return ids.get("eui") or ids.get("gateway_id")


def _time(
    message: dict[str, Any], uplink: dict[str, Any], heard: list[dict[str, Any]]
) -> int | None:
    # of the three received_at the inner one is the network server's own
    given = [uplink.get("received_at"), message.get("received_at")]
    given += [entry.get(key) for key in ("received_at", "time") for entry in heard]
    times = (parse_rfc3339(value) for value in given)
    return next((ms for ms in times if ms is not None), None)
