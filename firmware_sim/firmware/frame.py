"""What a device hands to its radio."""

from __future__ import annotations

from typing import NamedTuple


class DeviceFrame(NamedTuple):
    """One uplink before the link; `at` is when it was measured and sent (epoch ms)."""

    at: int
    row: int  # of the device
    seq: int
    values: str  # the native record's measurements, as JSON; of a birth the version
    via: str  # the gateway that it speaks through
    port: int = 0  # of LoRaWAN; 0: native
    data: bytes = b""  # of LoRaWAN
    wrong_ms: int = 0  # of the device's own clock
    joins: int = 0  # how often it has joined anew
    kind: str = ""  # join, birth, txack, ack, history, answer, hello; empty: data
    more: tuple[DeviceFrame, ...] = ()  # stored ones that go with it, the oldest first
