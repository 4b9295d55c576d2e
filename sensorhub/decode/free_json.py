"""JSON of free shape, read as the topic setting's table `read` says. Pure.

An object or an array of them, of one device or of many: operators' uplinks with the
frame in hex or base64, gateways' and hobby messages with values. What has neither frame
nor counter is taken together, one uplink a device, however many records it has.
"""

from typing import Any, Final

from sensorhub.config.layout import Layout
from sensorhub.decode.network_server import (
    brief,
    device_id,
    frame_bytes,
    keep_decoded,
    keep_value,
    load_any,
    number,
    topic_device,
    when_ms,
)
from sensorhub.decode.paths import NOTHING, find
from sensorhub.model import Envelope, EnvelopeError, Field, Text

MAX_RECORDS: Final = 1_000
FAR_MS: Final = 2**53
EVENT: Final = "other"


def free_json(topic: str, payload: bytes, layout: Layout) -> list[Envelope]:
    """The uplinks of a message, and an event for each record that is none."""
    message = load_any(payload)
    found = [
        _one(topic, message, record, layout) for record in _records(message, layout)
    ]
    if all(envelope.broken for envelope in found):
        raise EnvelopeError(found[0].broken)
    return found if layout.payload or layout.seq else _together(found)


def _records(message: Any, layout: Layout) -> list[Any]:
    inside = message if layout.records is None else find(message, layout.records)
    records = inside if isinstance(inside, list) else [inside]
    if layout.records is not None and not isinstance(inside, list):
        raise EnvelopeError(f"{layout.records}: an array of records is expected")
    if not 1 <= len(records) <= MAX_RECORDS:
        raise EnvelopeError(f"{len(records)} records; 1 to {MAX_RECORDS} are taken")
    return records


def _one(topic: str, message: Any, record: Any, layout: Layout) -> Envelope:
    """One record; what cannot be read says so in `broken`."""

    def at(path: str | None) -> Any:
        if path is None:
            return None
        here = find(record, path)
        here = find(message, path) if here is NOTHING else here
        return None if here is NOTHING else here

    if not all(_same(at(path), said) for path, said in layout.only.items()):
        return Envelope("", EVENT)
    try:
        if not isinstance(record, dict):
            raise EnvelopeError(f"a record is an object, not {brief(record)}")
        envelope = Envelope(_device(topic, at(layout.device), layout))
        envelope.seq = _whole(at(layout.seq), layout.seq, 2**53)
        envelope.port = _whole(at(layout.port), layout.port, 255) or 0
        _keep_values(envelope, record, layout)
        _keep_frame(envelope, at(layout.payload), layout)
        _keep_time(envelope, at(layout.time), layout)
    except EnvelopeError as error:
        return Envelope("", broken=str(error))
    return envelope


def _same(found: Any, said: str | bool | float) -> bool:
    if isinstance(said, bool) or isinstance(found, bool):
        return found is said
    if isinstance(said, str):
        return str(found) == said
    return number(found) == said


def _device(topic: str, said: Any, layout: Layout) -> str:
    if layout.device is None:
        return topic_device(topic, layout.level or 0)
    id_ = device_id(str(said)) if type(said) in (str, int) else None
    if id_ is None:
        what = "nothing" if said is None else brief(said)
        raise EnvelopeError(f"{layout.device}: a device's id is expected, not {what}")
    return id_


def _whole(said: Any, path: str | None, high: int) -> int | None:
    if said is None:
        return None
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20:
        said = int(said)
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    if type(said) is not int or not 0 <= said <= high:
        raise EnvelopeError(f"{path}: a whole number of 0 to {high} is expected")
    return said


def _keep_values(envelope: Envelope, record: Any, layout: Layout) -> None:
    if layout.name is not None and layout.value is not None:
        name, value = find(record, layout.name), find(record, layout.value)
        if not isinstance(name, str) or not name:
            raise EnvelopeError(f"{layout.name}: a value's name is expected")
        keep_value(envelope, name[:64], None if value is NOTHING else value)
        return
    values = record if layout.values is None else find(record, layout.values)
    if values is NOTHING:
        return
    keep_decoded(envelope, values)
    if layout.values is None:
        own = layout.own
        envelope.fields = [f for f in envelope.fields if f.name not in own]
        envelope.texts = [t for t in envelope.texts if t.name not in own]


def _keep_frame(envelope: Envelope, said: Any, layout: Layout) -> None:
    if said is None or said == "":
        return
    if layout.encoding == "base64":
        envelope.payload = frame_bytes(said)
        return
    try:
        envelope.payload = bytes.fromhex(said.removeprefix("0x"))
    except (AttributeError, ValueError):
        what = f"{layout.payload}: hex digits are expected, not {brief(said)}"
        raise EnvelopeError(what) from None


def _keep_time(envelope: Envelope, said: Any, layout: Layout) -> None:
    """A time beside a frame is the network's, beside values the device's own."""
    if layout.time is None or said is None:
        return
    ms = _time(said, layout.time_format)
    if ms is None:
        envelope.ignored.append(
            f"{layout.time}: no time as {layout.time_format}: {brief(said)}"
        )
    elif envelope.payload is None:
        envelope.measured_at = ms
    else:
        envelope.network_time = ms


def _time(said: Any, format_: str) -> int | None:
    if format_ == "rfc3339":
        return when_ms(said, zoned=True)
    try:
        given = number(float(said) if isinstance(said, str) else said)
    except ValueError:
        return None
    if given is None or abs(given) > FAR_MS / 1000:
        return None
    return round(given * 1000) if format_ == "s" else round(given)


def _together(found: list[Envelope]) -> list[Envelope]:
    """One uplink a device; values of other times than its newest keep their own."""
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
    whole = Envelope(parts[0].device, measured_at=newest)
    for part in parts:
        at = None if part.measured_at == newest else part.measured_at
        whole.fields += [Field(f.name, f.value, at) for f in part.fields]
        whole.texts += [Text(t.name, t.text, at) for t in part.texts]
        whole.ignored += part.ignored
    return whole
