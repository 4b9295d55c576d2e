"""Our own publications: a bounded queue, confirmed by the broker or reported lost."""

import threading
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Protocol

import structlog

from sensorhub.listeners.link import Publication

MOST_PENDING = 2_000  # accepted and not yet confirmed
MOST_IN_FLIGHT = 1_000  # sent and not yet confirmed

log = structlog.get_logger(__name__)


class Sender(Protocol):
    """The connection that publications leave by."""

    def send_all(self, items: Sequence[Publication], busy: Container[int]) -> list[int]:
        """Queue these; answers their packet ids."""
        ...


class Outgoing:
    """Publications on their way. Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._sender: Sender | None = None
        self._window = MOST_IN_FLIGHT
        self._waiting: deque[Publication] = deque()
        self._in_flight: dict[int, Publication] = {}

    def attach(self, sender: Sender, window: int) -> None:
        """A connection is up; at most `window` may be unconfirmed on it."""
        with self._changed:
            self._sender = sender
            self._window = min(window, MOST_IN_FLIGHT)

    def detach(self) -> None:
        """The connection is gone, and with it all that was not confirmed."""
        with self._changed:
            self._sender = None
            lost = [*self._in_flight.values(), *self._waiting]
            self._in_flight.clear()
            self._waiting.clear()
            self._changed.notify_all()
        _call_all(item.on_lost for item in lost)

    def offer(self, items: Sequence[Publication]) -> int:
        """Accept as many of the first `items` as fit now; returns how many."""
        with self._changed:
            if self._sender is None:
                return 0
            free = MOST_PENDING - len(self._waiting) - len(self._in_flight)
            accepted = items[: max(free, 0)]
            self._waiting.extend(accepted)
            self._send()
        return len(accepted)

    def _send(self) -> None:
        free = min(self._window - len(self._in_flight), len(self._waiting))
        if free <= 0 or self._sender is None:
            return
        items = [self._waiting.popleft() for _ in range(free)]
        numbers = self._sender.send_all(items, self._in_flight)
        self._in_flight.update(zip(numbers, items, strict=True))

    def confirmed(self, taken: Iterable[int], refused: Iterable[int]) -> None:
        """The broker answered these packet ids."""
        with self._changed:
            done = [p for n in taken if (p := self._in_flight.pop(n, None))]
            lost = [p for n in refused if (p := self._in_flight.pop(n, None))]
            self._send()
            self._changed.notify_all()
        for item in lost:
            log.error("publish_refused", topic=item.topic)
        _call_all(item.on_done for item in done)
        _call_all(item.on_lost for item in lost)

    def wait_idle(self, timeout_s: float) -> bool:
        """Whether all was confirmed within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._in_flight and not self._waiting, timeout_s
            )


def _call_all(callbacks: Iterable[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:  # a fault of the caller must not end the connection
            log.exception("publish_callback_failed")
