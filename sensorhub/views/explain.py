"""Explain a frame or a whole message field by field, as `sensorhub decode` shows it.

The hub's own MessageReader reads the message and the hub's own checks judge it; nothing
is stored. What only a running hub knows is left out: duplicates and a device's history.
"""

from collections.abc import Iterator

import msgspec

from sensorhub.alerts.event import rfc3339
from sensorhub.codecs.protocol import CodecRunner
from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import MappedFields, map_fields
from sensorhub.ingest.parsed_batch import DecodedUplink, ParsedBatch
from sensorhub.ingest.reader import MessageReader
from sensorhub.ingest.validate import AHEAD_MS, BEHIND_MS
from sensorhub.model import (
    Envelope,
    Message,
    Reason,
)
from sensorhub.registry.profiles import NATIVE, Profile
from sensorhub.views.decoded_views import (
    DeadLetterView,
    DecodedReadingView,
    DerivedView,
    FieldView,
    MessageView,
    QualityView,
    UplinkView,
    ValueView,
)
from sensorhub.views.frame_bytes import bytes_of_values
from sensorhub.views.judged_message import (
    NO_PROFILE,
    STRAY,
    DecodeContext,
    JudgedMessage,
    JudgedReading,
    judge_message,
)


def explain_message(
    topic: str, payload: bytes, context: DecodeContext, now: int
) -> list[MessageView]:
    """What the hub makes of each uplink or event of an MQTT message received `now`."""
    message = Message(topic.encode(), payload, 0)

    def read(reader: MessageReader) -> ParsedBatch:
        return reader.trace_message(message, now)

    return _views(judge_message(read, context, now), context)


def explain_uplink(
    envelope: Envelope, context: DecodeContext, now: int
) -> UplinkView | DeadLetterView:
    """What the hub makes of an uplink of which only the frame is at hand.

    Its time of receipt is not known: it is that of the newest reading that names one,
    else `now`.
    """
    if not envelope.device:
        envelope = msgspec.structs.replace(envelope, device=STRAY)

    def read(reader: MessageReader) -> ParsedBatch:
        return reader.trace_envelope(envelope, now)

    judged = judge_message(read, context, now, received=False)
    (view,) = _views(judged, context)
    assert "event" not in view  # a frame by itself is no event
    return view


# -- views --


def _views(judged: JudgedMessage, context: DecodeContext) -> list[MessageView]:
    """Views of the events, of the decoded uplinks, and of those not decoded."""
    views: list[MessageView] = [
        {"event": event, "device": device or None}
        for event, device in judged.trace.events
    ]
    first = 0
    decoded = sorted(judged.trace.uplinks, key=lambda item: item.uplink)
    for item in decoded:
        views.append(_uplink_view(item, first, judged, context))
        first += item.readings
    seen = {item.uplink for item in decoded}
    for uplink, (_, reason, detail) in enumerate(judged.verdicts):
        if uplink in seen:
            continue
        if reason is Reason.UNKNOWN_TOPIC:
            filters = ", ".join(topic.filter for topic in context.topics)
            detail = f"{detail}; there are: {filters}"
        views.append({"dead": reason.word, "errors": [detail or ""]})
    return views


def _uplink_view(
    item: DecodedUplink, first: int, judged: JudgedMessage, context: DecodeContext
) -> UplinkView:
    """One uplink, or one record of it: fields with their bytes, readings, reasons.

    `first` is the place of its first reading.
    """
    envelope, frame = item.envelope, item.frame
    profile = item.profile or context.profiles[NATIVE]
    device = None if envelope.device == STRAY else envelope.device or None
    outcome, reason, detail = judged.verdicts[item.uplink]
    errors = list(frame.errors)
    if profile is NO_PROFILE:
        errors.insert(
            0,
            f"device {device} is not in the register, or its profile is not among the"
            " profiles: name one with --profile",
        )
    fields = list(_fields(item, first, judged, profile, context.codecs))
    kept = [row for row in fields if row["measurement"]]
    derived = [
        _derived_row(reading, kept[source - first])
        for source, reading in judged.derived
        if first <= source < first + item.readings
    ]
    return {
        "device": device,
        "registered": any(row.id == device for row in context.rows.devices),
        "profile": profile.name,
        "decoder": _decoder(envelope, profile),
        "port": envelope.port if envelope.payload else None,
        "seq": envelope.seq,
        "network_time": rfc3339(envelope.network_time),
        "measured_at": rfc3339(envelope.measured_at),
        "frame": envelope.payload.hex() if envelope.payload else None,
        "fields": fields,
        "derived": derived,
        "readings": [
            *(_reading(row, row["measured_at"]) for row in kept),
            *(_reading(row, None) for row in derived),
        ],
        "ignored": item.remarks,
        "errors": errors,
        "outcome": outcome.name.lower(),
        "reason": reason.word if reason else None,
        "detail": detail,
    }


def _reading(
    row: FieldView | DerivedView, measured_at: str | None
) -> DecodedReadingView:
    return {
        "measurement": row["measurement"],
        "value": row["value"],
        "unit": row["unit"],
        "measured_at": measured_at,
        "quality": row["quality"],
    }


def _decoder(envelope: Envelope, profile: Profile) -> str:
    """What reads the frame."""
    if envelope.payload and profile.codec:
        return f"codec {profile.codec}"
    if envelope.payload and profile.decoder in DECODERS:
        return str(profile.decoder)
    return "values that came decoded"


def _fields(
    item: DecodedUplink,
    first: int,
    judged: JudgedMessage,
    profile: Profile,
    codecs: CodecRunner,
) -> Iterator[FieldView]:
    """Each field and text with its bytes: what it says, and what becomes of it."""
    frame = item.frame
    offsets = bytes_of_values(item.envelope, profile, codecs)
    readings = iter(judged.readings[first : first + item.readings])
    for field in frame.fields:
        mapped = map_fields(profile, [field])
        yield {
            "bytes": next(offsets["field", field.name], []),
            "name": field.name,
            "raw": field.value,
            **_becomes(mapped, readings),
        }
    for text in frame.texts:
        mapped = map_fields(profile, [], [text])
        mapped.ignored = [f": a word that profile {profile.name} gives no meaning"]
        yield {
            "bytes": next(offsets["text", text.name], []),
            "name": text.name,
            "raw": text.text,
            **_becomes(mapped, readings),
        }


def _becomes(mapped: MappedFields, readings: Iterator[JudgedReading]) -> ValueView:
    """The next reading where a value gives one, else why it gives none."""
    reading = next(readings, None) if mapped.readings else None
    if reading is None:
        reason = (
            mapped.ignored[0].partition(": ")[2] if mapped.ignored else "dead letter"
        )
        return {
            "measurement": None,
            "value": None,
            "unit": None,
            "measured_at": None,
            "quality": None,
            "why": reason,
        }
    return {
        "measurement": reading.measurement.name,
        "value": reading.value,
        "unit": reading.measurement.unit,
        "measured_at": rfc3339(mapped.readings[0][2]),
        **_quality(reading),
    }


def _derived_row(reading: JudgedReading, source: FieldView) -> DerivedView:
    """A reading that the hub derives, and what from."""
    return {
        "measurement": reading.measurement.name,
        "value": reading.value,
        "unit": reading.measurement.unit,
        "from": f"{source['name']} {source['value']:g} {source['unit']}",
        **_quality(reading),
    }


def _quality(reading: JudgedReading) -> QualityView:
    """The quality of a reading, with the reason and the limits where it is not ok."""
    measurement, why = reading.measurement, None
    if reading.reason is Reason.CLOCK:
        ahead, behind = AHEAD_MS // 60_000, BEHIND_MS // 86_400_000
        why = f"clock: more than {ahead} minutes ahead or {behind} days behind"
    elif reading.reason:
        limits = f"{measurement.low:g} to {measurement.high:g} {measurement.unit}"
        why = f"{reading.reason.word}: {limits}".rstrip()
    return {"quality": reading.quality.name.lower(), "why": why}
