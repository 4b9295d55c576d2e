"""What was received and is not yet acknowledged: a bounded queue of batches."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sensorhub.model import Batch, Message


class Acknowledger(Protocol):
    """The connection that messages came over; dead ones swallow late answers."""

    def acknowledge(self, acks: list[bytes]) -> None:
        """Send these acknowledgements, in order."""
        ...


@dataclass(slots=True)
class _Chunk:
    """The messages of one read; `start` counts those that were taken."""

    origin: Acknowledger
    messages: list[Message]
    acks: list[bytes]
    size: int
    start: int = 0


@dataclass(slots=True, eq=False)
class Token:
    """What `acknowledge` needs to know about a batch. Of one connection only."""

    origin: Acknowledger
    acks: list[bytes]
    count: int
    size: int


class Inbox:
    """Queue from the network thread (`put`) to the hub's thread (`take_batch`).

    Bounds count what waits and what was taken and is not done. They are kept by
    not reading: `has_room` is asked before a read, so that one read may pass them.
    """

    def __init__(
        self, most_messages: int, most_bytes: int, on_room: Callable[[], None]
    ) -> None:
        self._most = (most_messages, most_bytes)
        self._on_room = on_room
        self._filled = threading.Condition()
        self._chunks: deque[_Chunk] = deque()
        self._taken: deque[Token] = deque()
        self._count = self._bytes = 0
        self.received = self.settled = 0

    def has_room(self) -> bool:
        """Whether another read is within the bounds."""
        return self._count < self._most[0] and self._bytes < self._most[1]

    def empty(self) -> bool:
        """Whether nothing waits and nothing is taken and not done."""
        return self._count == 0

    @property
    def pending(self) -> int:
        """How many messages are not yet done."""
        return self._count

    def put(
        self,
        origin: Acknowledger,
        messages: list[Message],
        acks: list[bytes],
        size: int,
    ) -> None:
        """Append messages; with acks alone these keep their place in the order."""
        with self._filled:
            self._chunks.append(_Chunk(origin, messages, acks, size))
            self._count += len(messages)
            self._bytes += size
            self.received += len(messages)
            self._filled.notify()

    def take_batch(self, limit: int, wait_s: float) -> Batch | None:
        """Take up to `limit` messages of one connection; None after `wait_s`."""
        with self._filled:
            if not self._filled.wait_for(lambda: self._chunks, wait_s):
                return None
            origin = self._chunks[0].origin
            messages: list[Message] = []
            token = Token(origin, [], 0, 0)
            while self._chunks and self._chunks[0].origin is origin:
                if len(messages) >= limit:
                    break
                self._move(self._chunks[0], messages, token, limit)
            token.count = len(messages)
            if messages:
                self._taken.append(token)
                return Batch(messages, token)
            if self._taken and self._taken[-1].origin is origin:
                self._taken[-1].acks.extend(token.acks)
                return None
        origin.acknowledge(token.acks)
        return None

    def _move(
        self, chunk: _Chunk, messages: list[Message], token: Token, limit: int
    ) -> None:
        whole = len(chunk.messages)
        left = whole - chunk.start
        if left <= limit - len(messages):
            messages += chunk.messages[chunk.start :] if chunk.start else chunk.messages
            token.acks += chunk.acks[chunk.start :] if chunk.start else chunk.acks
            token.size += chunk.size
            self._chunks.popleft()
            return
        stop = chunk.start + limit - len(messages)
        share = chunk.size * (stop - chunk.start) // left
        messages += chunk.messages[chunk.start : stop]
        token.acks += chunk.acks[chunk.start : stop]
        token.size += share
        chunk.size -= share
        chunk.start = stop

    def acknowledge(self, batch: Batch) -> None:
        """Acknowledge a batch that is on disk. Called in the order taken."""
        token: Token = batch.token
        with self._filled:
            if not self._taken or self._taken[0] is not token:
                raise ValueError("batches are done once, in the order taken")
            self._taken.popleft()
            was_full = not self.has_room()
            self._count -= token.count
            self._bytes -= token.size
            self.settled += token.count
            now_free = was_full and self.has_room()
        token.origin.acknowledge(token.acks)
        if now_free:
            self._on_room()
