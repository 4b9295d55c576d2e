"""What an event looks like on MQTT: topics, retained state, acknowledgements."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from sensorhub.model import TOPIC_ROOT
from sensorhub.store.outbox import OutboxRow

RESOLVED = "resolved"


class Publish(Protocol):
    """Hands a QoS 1 message to the broker's connection.

    Messages leave in the order given. `on_done` is called, in any thread, when
    the broker has acknowledged it. Raises where nothing can be taken now.
    """

    def __call__(
        self, topic: str, payload: bytes, retain: bool, on_done: Callable[[], None]
    ) -> None:
        """Send one message."""
        ...


class Publication(NamedTuple):
    """One transition as it goes out; `place` is zone/asset/rule."""

    no: int
    place: str
    event: bytes
    state: bytes


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


def send(
    publish: Publish, publication: Publication, on_done: Callable[[], None]
) -> None:
    """Publish the transition, then the state that stays; `on_done` comes twice."""
    _, place, event, state = publication
    publish(f"{TOPIC_ROOT}/events/{place}", event, False, on_done)
    publish(f"{TOPIC_ROOT}/alerts/{place}", state, True, on_done)
