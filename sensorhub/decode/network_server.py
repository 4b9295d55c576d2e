"""Parsing that the envelopes of LoRaWAN network servers share. Pure.

Every function accepts JSON values of any type. It raises EnvelopeError where a required
value is wrong, and returns None where an optional value is missing or wrong.
"""

import binascii
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from sensorhub.decode.units import amount
from sensorhub.model import Envelope, EnvelopeError, Field, Text, is_id

NO_RSSI: Final = (
    1_000.0  # dBm, negated: below any rssi, for a gateway that reports none
)
MAX_DEPTH: Final = 8  # of decoded values inside each other
MAX_VALUES: Final = 256  # decoded values of one uplink
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def parse_json(payload: bytes) -> Any:
    """Parse the payload as JSON. Raises EnvelopeError."""
    try:
        return msgspec.json.decode(payload)
    except UNREADABLE as error:
        raise EnvelopeError(f"not JSON: {error}") from error


def parse_object(payload: bytes) -> dict[str, Any]:
    """Parse the payload as a JSON object. Raises EnvelopeError."""
    message = parse_json(payload)
    if not isinstance(message, dict):
        raise EnvelopeError(f"a JSON object is expected, not {brief(message)}")
    return message


def brief(value: object) -> str:
    """Describe a value of any type in a few characters, for messages."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return "a huge number"
    return f"{value!s:.40}"


def object_at(message: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under `key`; an empty one where there is none."""
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def dev_eui(value: object) -> str | None:
    """Return a DevEUI, 16 hex digits or base64 of 8 bytes, as lower-case hex."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) == 16:
            raw = bytes.fromhex(value)
        else:
            raw = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return None
    return raw.hex() if len(raw) == 8 else None


def device_id(text: str) -> str | None:
    """Return a device's id as the register stores it: DevEUIs in lower-case hex."""
    plain = text.replace(":", "").replace("-", "")
    return dev_eui(plain) or (text if is_id(text) else None)


def topic_device(topic: str, level: int) -> str:
    """Return the device id at a level of the topic, counted from 1."""
    levels = topic.split("/")
    id_ = device_id(levels[level - 1]) if 1 <= level <= len(levels) else None
    if id_ is None:
        raise EnvelopeError(f"topic level {level} is no device's id: {topic:.120}")
    return id_


def frame_bytes(value: object) -> bytes:
    """Decode the frame's bytes from base64. Raises EnvelopeError."""
    if not isinstance(value, str):
        raise EnvelopeError(f"payload: base64 text is expected, not {brief(value)}")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:
        raise EnvelopeError(f"payload: not base64: {error}") from error


def to_ms(when: datetime) -> int:
    """Return an aware time in epoch ms, rounded down."""
    return (when - _EPOCH) // _MS


def parse_rfc3339(value: object, *, zoned: bool = False) -> int | None:
    """Return RFC 3339 text of any precision in epoch ms, else None.

    Text without an offset is UTC; with `zoned` it is not a time.
    """
    if not isinstance(value, str):
        return None
    try:
        when = msgspec.convert(value, datetime)
    except UNREADABLE:
        return None
    if zoned and when.tzinfo is None:
        return None
    return to_ms(when if when.tzinfo else when.replace(tzinfo=UTC))


def text_at(message: dict[str, Any], key: str) -> str:
    """Return the text under `key`; empty where there is none."""
    value = message.get(key)
    return value if isinstance(value, str) else ""


def integer_at(message: dict[str, Any], key: str, high: int) -> int | None:
    """Return the integer 0 ≤ n ≤ `high` under `key`; None where it is not given."""
    value = message.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= high:
        raise EnvelopeError(f"{key}: a whole number of 0 to {high} is expected")
    return value


def number(value: object) -> float | None:
    """Return a finite number as float; None for anything else, bool included."""
    if type(value) is not int and type(value) is not float:
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def receptions(value: object) -> list[dict[str, Any]]:
    """Return the entries of a list of receiving gateways that are objects."""
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]


def best_link(heard: list[dict[str, Any]], snr: str) -> dict[str, float]:
    """Return rssi (dBm) and snr (dB) of the gateway with the highest rssi.

    proto3 JSON leaves out zeros, so a missing snr beside an rssi is 0.
    """
    best: dict[str, float] = {}
    for entry in heard:
        rssi = number(entry.get("rssi"))
        if rssi is not None and ("rssi" not in best or rssi > best["rssi"]):
            best = {"rssi": rssi, "snr": number(entry.get(snr, 0.0)) or 0.0}
    return best


_gateway_id = lru_cache(4_096)(device_id)


def gateway_id(value: object) -> str | None:
    """Return a gateway's id as alerts name it: EUIs in lower-case hex."""
    return _gateway_id(value) if isinstance(value, str) else None


def gateways_of(
    heard: list[dict[str, Any]], name: Callable[[dict[str, Any]], object]
) -> tuple[str, ...]:
    """Return the ids of the receiving gateways, the highest rssi first."""
    loud = sorted(heard, key=lambda entry: -(number(entry.get("rssi")) or -NO_RSSI))
    found = (gateway_id(name(entry)) for entry in loud)
    return tuple(dict.fromkeys(id_ for id_ in found if id_ is not None))


def add_decoded(envelope: Envelope, decoded: object) -> None:
    """Add a codec's result as fields and texts, `a.b` where nested.

    Texts that are numbers, with a known unit or none, become fields, too.
    """
    waiting: list[tuple[str, object, int]] = [("", decoded, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, dict | list) and depth < MAX_DEPTH:
            prefix = f"{name}." if name else ""
            items = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [(f"{prefix}{key}"[:64], v, depth + 1) for key, v in items]
            waiting.extend(reversed(inner))
        elif _entries(envelope) < MAX_VALUES:
            add_value(envelope, name, value)
        else:
            envelope.ignored.append("further decoded values: too many")
            return


def _entries(envelope: Envelope) -> int:
    return len(envelope.fields) + len(envelope.texts) + len(envelope.ignored)


def add_value(envelope: Envelope, name: str, value: object) -> None:
    """Add one decoded value as a field or a text; `ignored` names any other."""
    plain = float(value) if isinstance(value, bool) else number(value)
    if plain is None and isinstance(value, str):
        plain = amount(value)
    if plain is not None and name:
        envelope.fields.append(Field(name, plain))
    elif isinstance(value, str) and name:
        envelope.texts.append(Text(name, value[:64]))
    elif value is not None:
        envelope.ignored.append(f"{name or 'decoded values'}: {brief(value)}")


def set_payload(envelope: Envelope, data: object) -> None:
    """Set the raw frame; base64 errors are ignored if there are decoded values."""
    if data is None:
        return
    try:
        envelope.payload = frame_bytes(data)
    except EnvelopeError as error:
        if not (envelope.fields or envelope.texts):
            raise
        envelope.ignored.append(str(error))
