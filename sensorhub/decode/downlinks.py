"""Encoding of downlinks: topics, JSON, bytes by family. Pure.

ChirpStack: documentation of version 4, "Integrations / MQTT / Scheduling a downlink";
the item's own id comes back as `queueItemId` in its txack and ack events. Bytes:
Milesight, "Downlink Command" of each model (port 85; type 03: reporting interval in
seconds, 8e: in minutes, 06: threshold alarm, of EM400 in standard mode, 10: reboot);
Dragino user manuals, "Downlink Payload" (01: TDC in seconds, 04 FF: reset).
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from sensorhub.decode.network_server import UNREADABLE
from sensorhub.model import TOPIC_ROOT

KINDS: Final = ("interval", "thresholds", "reboot", "hex", "data")
RECEIPTS: Final = ("txack", "ack")
MOST_INTERVAL_S: Final = 7 * 86_400
MILESIGHT_PORT: Final = 85
DRAGINO_PORT: Final = 2
_SECONDS: Final = frozenset(
    f"milesight-{model}"
    for model in (
        *("em300-mld", "em300-sld", "em310", "em400", "em500-udl"),
        *("gs301", "ws201", "ws301", "ws303"),
    )
)
_MINUTES: Final = frozenset(
    f"milesight-{model}" for model in ("vs330", "vs340", "vs350", "vs360")
)
# measurement, control byte without the condition, steps of the number's unit; 0x80
# asks for a report when the value is back, where the model can do so
_THRESHOLDS: Final = {
    "milesight-em300-sld": ("temperature", 0x08, 10),
    "milesight-em400": ("distance", 0x88, 1),
    "milesight-em500-udl": ("distance", 0x48, 1),
}
_BELOW, _ABOVE, _OUTSIDE = 1, 2, 4
_DRAGINO: Final = frozenset(("dragino-contact", "dragino-dds04", "dragino-ultrasonic"))


class DownlinkFrame(NamedTuple):
    """A frame for a device: port and bytes."""

    port: int
    data: bytes


def native(
    id_: str, place: tuple[str, str], kind: str, arguments: Mapping[str, Any]
) -> tuple[str, bytes]:
    """Return topic and payload for a native device at `place` = (zone, device)."""
    zone, device = place
    body = {"id": id_, "command": kind, **arguments}
    return f"{TOPIC_ROOT}/{zone}/{device}/down", json.dumps(body).encode()


def chirpstack(
    id_: str, place: tuple[str, str], frame: DownlinkFrame, *, confirmed: bool
) -> tuple[str, bytes]:
    """Return topic and payload for the device at `place` = (application, DevEUI)."""
    application, eui = place
    body = {
        "id": id_,
        "devEui": eui,
        "confirmed": confirmed,
        "fPort": frame.port,
        "data": base64.b64encode(frame.data).decode(),
    }
    topic = f"application/{application}/device/{eui}/command/down"
    return topic, json.dumps(body).encode()


def receipt(event: str, payload: bytes) -> tuple[str, str] | None:
    """Return the downlink's id and the kind (txack, ack, nack) of an event."""
    try:
        body = msgspec.json.decode(payload)
    except UNREADABLE:
        return None
    id_ = body.get("queueItemId") if isinstance(body, dict) else None
    if not isinstance(id_, str) or event not in RECEIPTS:
        return None
    if event == "ack" and body.get("acknowledged") is not True:
        return id_, "nack"
    return id_, event


def family_bytes(
    decoder: str, kind: str, arguments: Mapping[str, Any]
) -> DownlinkFrame:
    """Encode a command for a built-in family. Raises ValueError where it cannot."""
    if kind == "reboot" and decoder in _SECONDS | _MINUTES:
        return DownlinkFrame(MILESIGHT_PORT, b"\xff\x10\xff")
    if kind == "reboot" and decoder in _DRAGINO:
        return DownlinkFrame(DRAGINO_PORT, b"\x04\xff")
    if kind == "interval":
        return _interval(decoder, int(arguments["interval_s"]))
    if kind == "thresholds" and decoder in _THRESHOLDS:
        return _threshold(_THRESHOLDS[decoder], arguments["thresholds"])
    raise ValueError(f"no {kind} is known for decoder {decoder}: send it as hex")


def _threshold(
    model: tuple[str, int, int], thresholds: Mapping[str, float | list[float]]
) -> DownlinkFrame:
    """Encode limits: one is below for a distance, else above; two are outside."""
    name, control, steps = model
    if list(thresholds) != [name]:
        raise ValueError(f"this model takes one threshold, {name}=…")
    limits = thresholds[name]
    if isinstance(limits, list):
        condition, (low, high) = _OUTSIDE, limits
    elif name == "distance":
        condition, low, high = _BELOW, limits, 0.0
    else:
        condition, low, high = _ABOVE, 0.0, limits
    words = (round(x * steps).to_bytes(2, "little", signed=x < 0) for x in (low, high))
    data = bytes((0xFF, 0x06, control | condition)) + b"".join(words) + bytes(4)
    return DownlinkFrame(MILESIGHT_PORT, data)


def _interval(decoder: str, seconds: int) -> DownlinkFrame:
    if decoder in _DRAGINO:
        return DownlinkFrame(DRAGINO_PORT, b"\x01" + seconds.to_bytes(3, "big"))
    if decoder in _SECONDS:
        if seconds > 0xFFFF:
            raise ValueError(f"this model takes at most {0xFFFF} s")
        data = b"\xff\x03" + seconds.to_bytes(2, "little")
        return DownlinkFrame(MILESIGHT_PORT, data)
    if decoder in _MINUTES:
        if seconds % 60:
            raise ValueError("this model takes whole minutes")
        data = b"\xff\x8e\x00" + (seconds // 60).to_bytes(2, "little")
        return DownlinkFrame(MILESIGHT_PORT, data)
    raise ValueError(f"no interval is known for decoder {decoder}: send it as hex")


def echoes(decoder: str, data: bytes) -> tuple[bytes, ...]:
    """Return the bytes that an uplink has once these took effect; () if unknown.

    Milesight devices answer a command with the same bytes, on channel fe or ff.
    """
    if decoder not in _SECONDS | _MINUTES or data[:1] != b"\xff":
        return ()
    return b"\xfe" + data[1:], data
