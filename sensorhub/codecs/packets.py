"""Packets between the hub and the process that runs codecs."""

from typing import BinaryIO

import msgspec

LENGTH = 4  # bytes before each packet


class CodecRequest(msgspec.Struct, array_like=True):
    """Frames for one codec; `text` is its source, where the process lacks it."""

    codec: str
    text: str | None
    time_s: float
    memory_bytes: int
    calls: list[str]


def read_packet(stream: BinaryIO) -> bytes | None:
    """Read a packet; None at the end of the input."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    return stream.read(int.from_bytes(head, "big"))


def packet(body: bytes) -> bytes:
    """Put a body's length before it."""
    return len(body).to_bytes(LENGTH, "big") + body
