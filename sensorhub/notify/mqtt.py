"""What an event looks like on MQTT: topics, retained state, acknowledgements."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from sensorhub.model import TOPIC_ROOT
from sensorhub.store.hot.outbox import OutboxRow

RESOLVED = "resolved"


class OutgoingMessage(NamedTuple):
    """One message at QoS 1. Exactly one of the two callbacks is called for it.

    `on_done`: the broker has it; `on_lost`: unknown, it has to be sent again.
    """

    topic: str
    payload: bytes
    retain: bool
    on_done: Callable[[], None]
    on_lost: Callable[[], None]


# takes as many of the first posts as there is room for now, in order; how many
Publish = Callable[[Sequence[OutgoingMessage]], int]


class EventPublication(NamedTuple):
    """A row as it goes out: its messages as (topic, payload, retained), in order.

    A transition goes to the topic of events, then as state: retained, empty when
    resolved. One after the other for each `place`. `downlink`: its id, else empty.
    """

    no: int
    place: str
    messages: tuple[tuple[str, bytes, bool], ...]
    downlink: str = ""


class _To(msgspec.Struct):
    to: str


class _Event(msgspec.Struct):
    zone: str
    asset: str
    rule: str
    transition: _To


class _Downlink(msgspec.Struct):
    topic: str
    payload: str
    downlink: str


_decode_downlink = msgspec.json.Decoder(_Downlink).decode
_decode = msgspec.json.Decoder(_Event).decode


def publication(row: OutboxRow) -> EventPublication:
    """What a row says on MQTT; ValueError where its body is no event."""
    if not row.transition:
        return _downlink(row)
    try:
        event = _decode(row.body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no event: {error}") from error
    place = f"{event.zone}/{event.asset}/{event.rule}"
    state = b"" if event.transition.to == RESOLVED else row.body
    transient = (f"{TOPIC_ROOT}/events/{place}", row.body, False)
    retained = (f"{TOPIC_ROOT}/alerts/{place}", state, True)
    return EventPublication(row.no, place, (transient, retained))


def _downlink(row: OutboxRow) -> EventPublication:
    try:
        found = _decode_downlink(row.body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no downlink: {error}") from error
    message = (found.topic, found.payload.encode(), False)
    return EventPublication(row.no, row.alert, (message,), found.downlink)
