"""The frame that a device hands to its radio."""

from __future__ import annotations

from typing import NamedTuple


class DeviceFrame(NamedTuple):
    """One uplink before the radio link; `at`: time of measurement, epoch ms."""

    at: int
    row: int  # of the device
    seq: int
    values: str  # measurements of a native record as JSON; of a birth the version
    gateway: str  # id of the gateway in range
    port: int = 0  # LoRaWAN port; 0: native
    data: bytes = b""  # LoRaWAN payload
    clock_error_ms: int = 0  # device clock minus true time
    joins: int = 0  # number of joins after the first one
    kind: str = ""  # join, birth, txack, ack, history, answer, hello; empty: data
    stored: tuple[DeviceFrame, ...] = ()  # stored frames sent with it, oldest first
