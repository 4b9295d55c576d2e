"""What an event looks like on MQTT: topics, retained state, acknowledgements."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from sensorhub.model import TOPIC_ROOT
from sensorhub.store.outbox import OutboxRow

RESOLVED = "resolved"


class Post(NamedTuple):
    """One message at QoS 1. Exactly one of the two callbacks is called for it.

    `on_done`: the broker has it; `on_lost`: unknown, it has to be sent again.
    """

    topic: str
    payload: bytes
    retain: bool
    on_done: Callable[[], None]
    on_lost: Callable[[], None]


# takes as many of the first posts as there is room for now, in order; how many
Publish = Callable[[Sequence[Post]], int]


class Publication(NamedTuple):
    """One transition as it goes out: to the topic of events, then as state.

    `place` is zone/asset/rule; `state` is retained, empty when resolved.
    """

    no: int
    place: str
    event: bytes
    state: bytes

    def message(self, retained: bool) -> tuple[str, bytes]:
        """Topic and payload of the state, else of the transition."""
        if retained:
            return f"{TOPIC_ROOT}/alerts/{self.place}", self.state
        return f"{TOPIC_ROOT}/events/{self.place}", self.event


class _To(msgspec.Struct):
    to: str


class _Event(msgspec.Struct):
    zone: str
    asset: str
    rule: str
    transition: _To


_decode = msgspec.json.Decoder(_Event).decode


def publication(row: OutboxRow) -> Publication:
    """What a row says on MQTT; ValueError where its body is no event."""
    try:
        event = _decode(row.body)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no event: {error}") from error
    place = f"{event.zone}/{event.asset}/{event.rule}"
    state = b"" if event.transition.to == RESOLVED else row.body
    return Publication(row.no, place, row.body, state)
