"""Conversion of an envelope to readings: the profile's decoder, then its map. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from sensorhub.decode.decoders import decode_frame
from sensorhub.model import Envelope, Field, Frame, Text


class FieldMapping(Protocol):
    """The part of a profile that mapping uses; `registry.profiles` loads profiles."""

    @property
    def name(self) -> str:
        """Vendor-model."""
        ...

    @property
    def decoder(self) -> str | None:
        """Key of DECODERS, or anything else for values that come decoded."""
        ...

    @property
    def targets(
        self,
    ) -> Mapping[str, tuple[int, float, float, int, tuple[float, ...]]]:
        """By field: measurement number, scale, offset, counter bits, no-values."""
        ...

    @property
    def words(self) -> Mapping[str, tuple[int, Mapping[str, float]]]:
        """By field: measurement number, and the value of each of its words."""
        ...


class MappedFields(msgspec.Struct, gc=False):
    """Readings as (measurement number, value, measured_at ms or None).

    `bits` has the width of wrapping counters by measurement number.
    """

    readings: list[tuple[int, float, int | None]] = []
    ignored: list[str] = []
    bits: dict[int, int] = {}


def decode_uplink(envelope: Envelope, profile: FieldMapping) -> Frame:
    """Decode the uplink: raw bytes if a decoder knows them, else the decoded values.

    rssi and snr are added to a frame that was decoded at least in part.
    """
    payload, frame = envelope.payload, None
    if payload:
        frame = decode_frame(profile.decoder, payload, envelope.port)
    if frame is None:
        frame = _decoded_by_server(envelope, profile)
    return with_link(frame, envelope)


def with_link(frame: Frame, envelope: Envelope) -> Frame:
    """Add rssi and snr to a frame that was decoded at least in part."""
    if envelope.link and (frame.fields or not frame.errors):
        frame.fields += [Field(name, value) for name, value in envelope.link.items()]
    return frame


def _decoded_by_server(envelope: Envelope, profile: FieldMapping) -> Frame:
    frame = Frame(list(envelope.fields), list(envelope.ignored))
    frame.texts = envelope.texts
    if envelope.payload and not (frame.fields or frame.texts):
        n = len(envelope.payload)
        what = f"{n} bytes, but profile {profile.name} has no decoder for bytes"
        frame.errors.append(f"{what}, and no value came decoded")
    # an uplink without application payload is a keep-alive
    content = envelope.payload or frame.fields or frame.texts or frame.ignored
    frame.answers = not content
    return frame


def content_of(envelope: Envelope) -> bytes:
    """Return the content that identifies duplicates: the frame, or values with times.

    Without a counter the uplink's own time distinguishes it from the next equal one.
    """
    if envelope.content is not None:
        return envelope.content
    content = envelope.payload
    if content is None:
        values = [
            (f.name, f.value, *([] if f.measured_at is None else [f.measured_at]))
            for f in envelope.fields
        ]
        words = [(t.name, t.text, t.measured_at) for t in envelope.texts]
        content = repr((values, words) if words else values).encode()
    if envelope.seq is None:
        at = (envelope.measured_at, envelope.network_time)
        content += repr(at).encode()
    return content


def map_fields(
    profile: FieldMapping, fields: Iterable[Field], texts: Iterable[Text] = ()
) -> MappedFields:
    """Map fields to readings of the catalogue; `ignored` names the other fields."""
    readings: list[tuple[int, float, int | None]] = []
    ignored: list[str] = []
    wraps: dict[int, int] = {}
    targets = profile.targets
    for one in fields:
        target = targets.get(one.name)
        if target is None:
            ignored.append(f"{one.name}: not in profile {profile.name}")
            continue
        no, scale, offset, bits, no_value = target
        if no_value and one.value in no_value:
            ignored.append(f"{one.name}: {one.value:g} stands for no value")
            continue
        readings.append((no, one.value * scale + offset, one.measured_at))
        if bits or one.bits:
            wraps[no] = bits or one.bits
    for text in texts:
        no, words = profile.words.get(text.name, (0, {}))
        meaning = words.get(text.text.strip().lower())
        if meaning is None:
            ignored.append(f"{text.name}: {text.text:.40}")
        else:
            readings.append((no, meaning, text.measured_at))
    return MappedFields(readings, ignored, wraps)
