"""What `decode --json` prints: events, dead letters, decoded uplinks."""

from typing import TypedDict, final


class QualityView(TypedDict):
    """How far a value is trusted, and why not further."""

    quality: str | None
    why: str | None


class ValueView(QualityView):
    """What becomes of a field: a reading, or nothing."""

    measurement: str | None
    value: float | None
    unit: str | None
    measured_at: str | None


@final
class FieldView(ValueView):
    """A decoded field or text, the bytes that it depends on, what becomes of it."""

    bytes: list[int]
    name: str
    raw: float | str


DerivedView = TypedDict(
    "DerivedView",
    {
        "measurement": str,
        "value": float,
        "unit": str,
        "from": str,
        "quality": str | None,
        "why": str | None,
    },
)


@final
class DecodedReadingView(TypedDict):
    """A reading of an uplink."""

    measurement: str | None
    value: float | None
    unit: str | None
    measured_at: str | None
    quality: str | None


@final
class EventView(TypedDict):
    """An event of a network server: no uplink."""

    event: str
    device: str | None


@final
class DeadLetterView(TypedDict):
    """An uplink that was not decoded."""

    dead: str
    errors: list[str]


@final
class UplinkView(TypedDict):
    """A decoded uplink, or one record of it."""

    device: str | None
    registered: bool
    profile: str
    decoder: str
    port: int | None
    seq: int | None
    network_time: str | None
    measured_at: str | None
    frame: str | None
    fields: list[FieldView]
    derived: list[DerivedView]
    readings: list[DecodedReadingView]
    ignored: list[str]
    errors: list[str]
    outcome: str
    reason: str | None
    detail: str | None


MessageView = EventView | DeadLetterView | UplinkView
