"""Publications and callbacks: the interface between a client and the listener."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sensorhub.model import Message


class Publication(NamedTuple):
    """One outgoing message, QoS 1. Exactly one of the two callbacks is called."""

    topic: str
    payload: bytes
    retain: bool
    on_done: Callable[[], None]
    on_lost: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Callbacks of a client; all but `wake` are called on the network thread.

    deliver(client, messages, acks, size): received, in order.
    confirmed(taken, refused): packet ids of our publishes.
    wake(): there is something to write.
    """

    deliver: Callable[[Any, list[Message], list[bytes], int], None]
    confirmed: Callable[[list[int], list[int]], None]
    wake: Callable[[], None]
