"""ChirpStack's MQTT integration, recognised by content. Pure.

Version 4: `deviceInfo.devEui` in hex, codec result in `object`. Version 3: `devEUI`
in base64 and `objectJSON` (text), or in its legacy flavour hex and `object`.
Topics: application/ID/device/DEVEUI/event/EVENT, before 3.11 without `event`.
Layouts: ChirpStack documentation, "Integrations / Event types", v3 and v4.
"""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from sensorhub.decode.network_server import (
    UNREADABLE,
    add_decoded,
    best_link,
    dev_eui,
    gateway_id,
    gateways_of,
    integer_at,
    object_at,
    parse_object,
    parse_rfc3339,
    receptions,
    set_payload,
    text_at,
    to_ms,
)
from sensorhub.model import Envelope, EnvelopeError, is_id

_UPLINKS: Final = ("up", "rx")
_EVENTS: Final = frozenset(
    ("join", "status", "ack", "txack", "error", "log", "location", "integration")
)
# what only this event carries, for topics that do not name it; order matters
_SIGNS: Final = (
    ("integrationName", "integration"),
    ("acknowledged", "ack"),
    ("margin", "status"),
    ("location", "location"),
    ("level", "log"),
    ("error", "error"),
)
_UPLINK_SIGNS: Final = ("data", "object", "objectJSON", "fPort")


class _Device(msgspec.Struct, gc=False, rename="camel"):
    dev_eui: str


class _Reception(msgspec.Struct, gc=False):
    rssi: float
    snr: float = 0.0
    gateway_id: str = msgspec.field(default="", name="gatewayId")


class _Uplink(msgspec.Struct, rename="camel"):
    """A version 4 uplink with raw bytes: the common case, decoded into a struct."""

    device_info: _Device
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: bytes
    f_port: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    f_cnt: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] = 0
    dev_addr: str = ""
    rx_info: list[_Reception] = []
    decoded: Any = msgspec.field(default=None, name="object")


_read_uplink = msgspec.json.Decoder(_Uplink).decode


def chirpstack(topic: str, payload: bytes) -> list[Envelope]:
    """Return the uplink or event of a ChirpStack message."""
    last = topic.rpartition("/")[2]
    if last == "up":
        try:
            return [_from_struct(_read_uplink(payload))]
        except (*UNREADABLE, ValueError):
            pass  # another version, or broken: _from_json reports which
    return [_from_json(topic, last, parse_object(payload))]


def _from_struct(uplink: _Uplink) -> Envelope:
    eui = bytes.fromhex(uplink.device_info.dev_eui)
    if len(eui) != 8:
        raise ValueError
    link: dict[str, float] = {}
    ids: tuple[str, ...] = ()
    if heard := uplink.rx_info:
        best = heard[0] if len(heard) == 1 else max(heard, key=_rssi)
        link = {"rssi": best.rssi, "snr": best.snr}
        ids = _ids(heard)
    when = to_ms(uplink.time)
    envelope = Envelope(
        eui.hex(), None, uplink.f_cnt, uplink.f_port, uplink.data, [], when, link, []
    )
    envelope.gateways = ids
    envelope.session = uplink.dev_addr
    if uplink.decoded is not None:
        add_decoded(envelope, uplink.decoded)
    return envelope


def _ids(heard: list[_Reception]) -> tuple[str, ...]:
    """Return the gateways' ids, the highest rssi first."""
    if len(heard) > 1:
        heard = sorted(heard, key=_rssi, reverse=True)
    found = (gateway_id(entry.gateway_id) for entry in heard)
    return tuple(dict.fromkeys(id_ for id_ in found if id_ is not None))


def _rssi(heard: _Reception) -> float:
    return heard.rssi


def _from_json(topic: str, last: str, message: dict[str, Any]) -> Envelope:
    version_4 = "deviceInfo" in message
    given = object_at(message, "deviceInfo").get("devEui") or message.get("devEUI")
    device = dev_eui(given)
    if device is None:
        raise EnvelopeError("no DevEUI: neither deviceInfo.devEui nor devEUI is one")
    heard = receptions(message.get("rxInfo"))
    envelope = Envelope(
        device,
        _event(topic, last, message),
        network_time=_time(message, heard),
        link=best_link(heard, "snr" if version_4 else "loRaSNR"),
        gateways=gateways_of(heard, _gateway),
    )
    if envelope.event is None:
        _fill(envelope, message)
    return envelope


def _gateway(entry: dict[str, Any]) -> object:
    """Version 4 calls it gatewayId, version 3 gatewayID, its legacy flavour mac."""
    return entry.get("gatewayId") or entry.get("gatewayID") or entry.get("mac")


def _event(topic: str, last: str, message: dict[str, Any]) -> str | None:
    if last in _UPLINKS:
        return None
    if last in _EVENTS:
        return last
    for key, event in _SIGNS:
        if key in message:
            return event
    if any(key in message for key in _UPLINK_SIGNS):
        return None
    if "devAddr" in message:
        return "join"
    if topic.endswith(f"/event/{last}") and is_id(last):
        return last
    raise EnvelopeError(f"neither an uplink nor a known event: topic {topic:.120}")


def _time(message: dict[str, Any], heard: list[dict[str, Any]]) -> int | None:
    given = [message.get("time")]
    given += [entry.get(key) for key in ("nsTime", "time") for entry in heard]
    times = (parse_rfc3339(value) for value in given)
    return next((ms for ms in times if ms is not None), None)


def _fill(envelope: Envelope, message: dict[str, Any]) -> None:
    # proto3 JSON leaves out zeros: a missing fCnt is the counter's zero
    envelope.seq = integer_at(message, "fCnt", 0xFFFF_FFFF) or 0
    envelope.port = integer_at(message, "fPort", 255) or 0
    envelope.session = text_at(message, "devAddr")
    if message.get("object") is not None:
        add_decoded(envelope, message["object"])
    text = message.get("objectJSON")
    if isinstance(text, str) and text:
        try:
            add_decoded(envelope, msgspec.json.decode(text))
        except UNREADABLE as error:
            envelope.ignored.append(f"objectJSON: not JSON: {error}")
    set_payload(envelope, message.get("data"))
