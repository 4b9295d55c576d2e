"""A frame or a whole message, explained field by field: what `decode` shows.

Nothing is stored and nothing decided here; the same envelopes, decoders and profiles as
in the hub say what becomes of it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensorhub.alerts.event import rfc3339
from sensorhub.config.layout import TopicSettings
from sensorhub.decode import native
from sensorhub.decode.decoders import DECODERS
from sensorhub.decode.mapping import decode_uplink, map_fields, with_link
from sensorhub.ingest.topic_router import MessageKind, Route, Router
from sensorhub.ingest.validate import judge
from sensorhub.model import (
    BY_NAME,
    BY_NO,
    Envelope,
    EnvelopeError,
    Field,
    Frame,
    Measurement,
    Quality,
    Reason,
    Text,
)
from sensorhub.registry.geometry import Geometry
from sensorhub.registry.profiles import NATIVE, Profile
from sensorhub.registry.registry import Registry

MOST_BYTES = 512  # LoRaWAN frames have 242 at most
LEVEL = BY_NAME["fill_level"]
Row = dict[str, Any]
Places = defaultdict[tuple[str, str], Iterator[list[int]]]


@dataclass(frozen=True, slots=True)
class Known:
    """What an explanation may look up.

    `codec` runs a profile's payload codec on frames (payload, port); `shape` is the
    asset's where one was asked for; `profile` overrides the register's.
    """

    registry: Registry
    profiles: dict[str, Profile]
    topics: tuple[TopicSettings, ...]
    codec: Callable[[Profile, list[tuple[bytes, int]]], list[Frame]]
    profile: Profile | None = None
    shape: Geometry | None = None

    def shape_of(self, device: str) -> tuple[Geometry, int] | None:
        """The shape that distances of a device are judged by, and its asset number."""
        if self.shape is not None:
            return self.shape, 0
        number = self.registry.device_no.get(device)
        asset = -1 if number is None else int(self.registry.asset_of[number])
        return (self.registry.geometry, asset) if asset >= 0 else None


def explain_message(topic: str, payload: bytes, known: Known, now: int) -> list[Row]:
    """What each uplink or event of an MQTT message is and becomes."""
    route = Router(known.registry, known.topics).route(topic.encode())
    if route.way is MessageKind.WRAPPED and route.unwrap is not None:
        try:
            envelopes = route.unwrap(topic, payload, now)
        except EnvelopeError as error:
            return [_dead(Reason.BAD_ENVELOPE, str(error))]
        return [_envelope(envelope, known) for envelope in envelopes]
    if route.way in (MessageKind.NATIVE, MessageKind.UNKNOWN_DEVICE):
        return _native(route, payload, known)
    if route.way is MessageKind.UNKNOWN:
        filters = ", ".join(topic.filter for topic in known.topics)
        what = f"no topic filter of the settings fits; there are: {filters}"
        return [_dead(Reason.UNKNOWN_TOPIC, what)]
    return [{"event": route.way.name.lower(), "device": route.name}]


def _dead(reason: Reason, what: str) -> Row:
    return {"dead": reason.word, "errors": [what]}


def _envelope(envelope: Envelope, known: Known) -> Row:
    if envelope.broken:
        return _dead(Reason.BAD_ENVELOPE, envelope.broken)
    if envelope.event is not None:
        return {"event": envelope.event, "device": envelope.device or None}
    return explain_uplink(envelope, known)


def _native(route: Route, payload: bytes, known: Known) -> list[Row]:
    try:
        records = native.read_loosely(payload)
    except ValueError as error:
        return [_dead(Reason.BAD_PAYLOAD, str(error))]
    rows = []
    for record in records:
        envelope = Envelope(route.name, seq=record.seq, measured_at=record.ts)
        envelope.fields = [Field(name, value) for name, value in record.values.items()]
        envelope.ignored = record.ignored
        rows.append(explain_uplink(envelope, known, known.profiles[NATIVE]))
    return rows


def explain_uplink(
    envelope: Envelope, known: Known, profile: Profile | None = None
) -> Row:
    """One uplink: fields with their bytes, readings, what is not kept and why."""
    registered = known.registry.device_no.get(envelope.device)
    profile = profile or known.profile
    errors = []
    if profile is None and registered is not None:
        profile = known.registry.profiles[registered]
    if profile is None:
        profile = Profile(name="none", vendor="-", model="-")
        errors.append(
            f"device {envelope.device} is not in the register, or its profile is not"
            " among the profiles: name one with --profile"
        )
    frame = _read(envelope, profile, known)
    places = _bytes_of(envelope, profile, known)
    rows = list(_rows(frame, profile, places))
    derived = list(_derived(rows, known.shape_of(envelope.device)))
    return {
        "device": envelope.device or None,
        "registered": registered is not None,
        "profile": profile.name,
        "decoder": _way(envelope, profile),
        "port": envelope.port if envelope.payload else None,
        "seq": envelope.seq,
        "network_time": rfc3339(envelope.network_time),
        "measured_at": rfc3339(envelope.measured_at),
        "frame": envelope.payload.hex() if envelope.payload else None,
        "fields": rows,
        "derived": derived,
        "readings": [_reading(one) for one in (*rows, *derived) if one["measurement"]],
        "ignored": frame.ignored,
        "errors": [*errors, *frame.errors],
    }


def _reading(row: Row) -> Row:
    names = ("measurement", "value", "unit", "measured_at", "quality")
    return {name: row.get(name) for name in names}


def _read(envelope: Envelope, profile: Profile, known: Known) -> Frame:
    if profile.codec and envelope.payload:
        (frame,) = known.codec(profile, [(envelope.payload, envelope.port)])
        return with_link(frame, envelope)
    return decode_uplink(envelope, profile)


def _way(envelope: Envelope, profile: Profile) -> str:
    if envelope.payload and profile.codec:
        return f"codec {profile.codec}"
    if envelope.payload and profile.decoder in DECODERS:
        return str(profile.decoder)
    return "values that came decoded"


# -- fields --


def _rows(frame: Frame, profile: Profile, places: Places) -> Iterator[Row]:
    """Each field, and each word: what it says and what becomes of it."""
    for field in frame.fields:
        yield {
            "bytes": next(places["field", field.name], []),
            "name": field.name,
            "raw": field.value,
            **_becomes(profile, [field], []),
        }
    for text in frame.texts:
        became = _becomes(profile, [], [text])
        if became["why"]:
            became["why"] = f"a word that profile {profile.name} gives no meaning"
        place = next(places["text", text.name], [])
        yield {"bytes": place, "name": text.name, "raw": text.text, **became}


def _becomes(profile: Profile, fields: list[Field], texts: list[Text]) -> Row:
    """The reading that a field gives, or why it gives none."""
    mapped = map_fields(profile, fields, texts)
    if not mapped.readings:
        said = mapped.ignored[0].partition(": ")[2]
        nothing = dict.fromkeys(("measurement", "value", "unit", "measured_at"))
        return {**nothing, "quality": None, "why": said}
    code, value, at = mapped.readings[0]
    return {
        "measurement": BY_NO[code].name,
        "value": value,
        "unit": BY_NO[code].unit,
        "measured_at": rfc3339(at),
        **_judged(BY_NO[code], value),
    }


def _judged(measurement: Measurement, value: float) -> Row:
    quality, why = judge(
        np.array([measurement.no], np.uint8), np.array([value], np.float64)
    )
    said = None
    if quality[0]:
        word = Reason(int(why[0])).word
        said = f"{word}: {measurement.low:g} to {measurement.high:g}"
        said = f"{said} {measurement.unit}".rstrip()
    return {"quality": Quality(int(quality[0])).name.lower(), "why": said}


def _derived(rows: list[Row], shape: tuple[Geometry, int] | None) -> Iterator[Row]:
    """Fill levels from distances, where the device says none itself."""
    if shape is None or any(row["measurement"] == LEVEL.name for row in rows):
        return
    geometry, asset = shape
    for row in rows:
        if row["measurement"] != "distance" or row["quality"] == "rejected":
            continue
        mm = np.array([row["value"]], np.float64)
        level = float(geometry.levels(np.array([asset], np.int32), mm)[0])
        if np.isnan(level):
            continue
        judged = _judged(LEVEL, level)
        if judged["why"]:
            judged["why"] = judged["why"].replace("range", Reason.GEOMETRY.word)
        yield {
            "measurement": LEVEL.name,
            "value": level,
            "unit": LEVEL.unit,
            "from": f"{row['name']} {row['value']:g} mm",
            **judged,
        }


# -- which bytes --


def _bytes_of(envelope: Envelope, profile: Profile, known: Known) -> Places:
    """For each field and word the places of the bytes that it hangs on, from 0.

    Found by turning every bit of the frame and blanking every byte: a byte belongs to
    the values that then are others while the frame is otherwise read alike. So no
    decoder and no codec has to keep account of it.
    """
    payload, port = envelope.payload or b"", envelope.port
    turned = [
        (place, payload[:place] + bytes([other]) + payload[place + 1 :])
        for place in range(len(payload) if len(payload) <= MOST_BYTES else 0)
        for other in _others(payload[place])
    ]
    frames = [(payload, port), *((other, port) for _, other in turned)]
    decoder = DECODERS.get(profile.decoder or "")
    if profile.codec and payload:
        plain, *read = known.codec(profile, frames)
    elif decoder is not None and payload:
        plain, *read = [decoder(*frame) for frame in frames]
    else:
        return defaultdict(lambda: iter(()))
    names, values = _named(plain), [*plain.fields, *plain.texts]
    found: list[list[int]] = [[] for _ in names]
    for (place, _), other in zip(turned, read, strict=True):
        if _named(other) != names or len(other.errors) > len(plain.errors):
            continue
        pairs = zip(found, values, [*other.fields, *other.texts], strict=True)
        for mine, one, two in pairs:
            if one != two and place not in mine:
                mine.append(place)
    return _by_name(names, found)


def _named(frame: Frame) -> list[tuple[str, str]]:
    fields = [("field", field.name) for field in frame.fields]
    return fields + [("text", text.name) for text in frame.texts]


def _by_name(names: list[tuple[str, str]], found: list[list[int]]) -> Places:
    """The places of the first, second ... value of a name."""
    places: dict[tuple[str, str], list[list[int]]] = {}
    for name, mine in zip(names, found, strict=True):
        places.setdefault(name, []).append(mine)
    return defaultdict(
        lambda: iter(()), {name: iter(lists) for name, lists in places.items()}
    )


def _others(byte: int) -> set[int]:
    """Each bit turned, all of them off, all of them on."""
    return {byte ^ (1 << bit) for bit in range(8)} | ({0, 0xFF} - {byte})
