"""JSON of any layout, read by the table `read` of the topic setting. Pure.

An object or an array of objects, of one device or of many: uplinks of network operators
with the frame in hex or base64, messages of gateways and hobby devices with values.
Records with neither frame nor counter are merged into one uplink for each device.
"""

from typing import Any, Final

from sensorhub.config.layout import Layout
from sensorhub.decode.network_server import (
    add_decoded,
    add_value,
    brief,
    device_id,
    frame_bytes,
    number,
    parse_json,
    parse_rfc3339,
    topic_device,
)
from sensorhub.decode.paths import NOTHING, find
from sensorhub.model import Envelope, EnvelopeError, Field, Text

MAX_RECORDS: Final = 1_000
FAR_MS: Final = 2**53
EVENT: Final = "other"


def free_json(topic: str, payload: bytes, layout: Layout) -> list[Envelope]:
    """Return the uplinks of a message, and an event for each record that is none."""
    message = parse_json(payload)
    found = [
        _envelope(topic, message, record, layout)
        for record in _records(message, layout)
    ]
    if all(envelope.broken for envelope in found):
        raise EnvelopeError(found[0].broken)
    return found if layout.payload or layout.seq else _grouped_by_device(found)


def _records(message: Any, layout: Layout) -> list[Any]:
    inside = message if layout.records is None else find(message, layout.records)
    records = inside if isinstance(inside, list) else [inside]
    if layout.records is not None and not isinstance(inside, list):
        raise EnvelopeError(f"{layout.records}: an array of records is expected")
    if not 1 <= len(records) <= MAX_RECORDS:
        raise EnvelopeError(f"{len(records)} records; 1 to {MAX_RECORDS} are taken")
    return records


def _envelope(topic: str, message: Any, record: Any, layout: Layout) -> Envelope:
    """Return the envelope of one record; `broken` describes one that cannot be read."""

    def at(path: str | None) -> Any:
        if path is None:
            return None
        here = find(record, path)
        here = find(message, path) if here is NOTHING else here
        return None if here is NOTHING else here

    if not all(_equals(at(path), expected) for path, expected in layout.only.items()):
        return Envelope("", EVENT)
    try:
        if not isinstance(record, dict):
            raise EnvelopeError(f"a record is an object, not {brief(record)}")
        envelope = Envelope(_device(topic, at(layout.device), layout))
        envelope.seq = _integer(at(layout.seq), layout.seq, 2**53)
        envelope.port = _integer(at(layout.port), layout.port, 255) or 0
        _add_values(envelope, record, layout)
        _set_payload(envelope, at(layout.payload), layout)
        _set_time(envelope, at(layout.time), layout)
    except EnvelopeError as error:
        return Envelope("", broken=str(error))
    return envelope


def _equals(found: Any, expected: str | bool | float) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return found is expected
    if isinstance(expected, str):
        return str(found) == expected
    return number(found) == expected


def _device(topic: str, value: Any, layout: Layout) -> str:
    if layout.device is None:
        return topic_device(topic, layout.level or 0)
    id_ = device_id(str(value)) if type(value) in (str, int) else None
    if id_ is None:
        what = "nothing" if value is None else brief(value)
        raise EnvelopeError(f"{layout.device}: a device's id is expected, not {what}")
    return id_


def _integer(value: Any, path: str | None, high: int) -> int | None:
    if value is None:
        return None
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) < 20
    ):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= high:
        raise EnvelopeError(f"{path}: a whole number of 0 to {high} is expected")
    return value


def _add_values(envelope: Envelope, record: Any, layout: Layout) -> None:
    if layout.name is not None and layout.value is not None:
        name, value = find(record, layout.name), find(record, layout.value)
        if not isinstance(name, str) or not name:
            raise EnvelopeError(f"{layout.name}: a value's name is expected")
        add_value(envelope, name[:64], None if value is NOTHING else value)
        return
    values = record if layout.values is None else find(record, layout.values)
    if values is NOTHING:
        return
    add_decoded(envelope, values)
    if layout.values is None:
        own = layout.own
        envelope.fields = [f for f in envelope.fields if f.name not in own]
        envelope.texts = [t for t in envelope.texts if t.name not in own]


def _set_payload(envelope: Envelope, value: Any, layout: Layout) -> None:
    if value is None or value == "":
        return
    if layout.encoding == "base64":
        envelope.payload = frame_bytes(value)
        return
    try:
        envelope.payload = bytes.fromhex(value.removeprefix("0x"))
    except (AttributeError, ValueError):
        what = f"{layout.payload}: hex digits are expected, not {brief(value)}"
        raise EnvelopeError(what) from None


def _set_time(envelope: Envelope, value: Any, layout: Layout) -> None:
    """Set the network's time for a frame, the device's time for decoded values."""
    if layout.time is None or value is None:
        return
    ms = _time(value, layout.time_format)
    if ms is None:
        envelope.ignored.append(
            f"{layout.time}: no time as {layout.time_format}: {brief(value)}"
        )
    elif envelope.payload is None:
        envelope.measured_at = ms
    else:
        envelope.network_time = ms


def _time(value: Any, format_: str) -> int | None:
    if format_ == "rfc3339":
        return parse_rfc3339(value, zoned=True)
    try:
        given = number(float(value) if isinstance(value, str) else value)
    except ValueError:
        return None
    if given is None or abs(given) > FAR_MS / 1000:
        return None
    return round(given * 1000) if format_ == "s" else round(given)


def _grouped_by_device(found: list[Envelope]) -> list[Envelope]:
    """Merge into one uplink a device; values older than its newest keep their time."""
    devices: dict[str, list[Envelope]] = {}
    others = []
    for envelope in found:
        if envelope.broken or envelope.event:
            others.append(envelope)
        else:
            devices.setdefault(envelope.device, []).append(envelope)
    return [*map(_merged, devices.values()), *others]


def _merged(parts: list[Envelope]) -> Envelope:
    times = [part.measured_at for part in parts if part.measured_at is not None]
    newest = max(times, default=None)
    merged = Envelope(parts[0].device, measured_at=newest)
    for part in parts:
        at = None if part.measured_at == newest else part.measured_at
        merged.fields += [Field(f.name, f.value, at) for f in part.fields]
        merged.texts += [Text(t.name, t.text, at) for t in part.texts]
        merged.ignored += part.ignored
    return merged
