"""Parse downlinks as devices do: interval, thresholds, reboot.

Milesight: ff 03 seconds, ff 8e minutes, ff 06 distance alarm, ff 10 reboot. Dragino:
01 seconds (3 bytes), 04 ff reset. Native: JSON, docs/wire.md. A device ignores what
it does not understand, as real devices do.
"""

import json
from math import inf
from typing import Any, NamedTuple

from firmware_sim.families import dragino, milesight

LIMITS_USED = {1: (True, False), 2: (False, True), 4: (True, True)}  # by condition
KNOWN = ("distance", "fill_level", "temperature")


class DeviceCommand(NamedTuple):
    """A command: interval (s), thresholds (by measurement) or reboot."""

    kind: str  # interval, thresholds, reboot
    value: Any = None


def lorawan(port: int, data: bytes) -> DeviceCommand | None:
    """Parse a command in the bytes of a LoRaWAN family; None if there is none."""
    if port == milesight.PORT:
        return _milesight(data)
    return _dragino(data) if port == dragino.PORT else None


def _milesight(data: bytes) -> DeviceCommand | None:
    kind, rest = data[:2], data[2:]
    if kind == b"\xff\x10":
        return DeviceCommand("reboot")
    if kind == b"\xff\x03" and len(rest) == 2:
        return DeviceCommand("interval", int.from_bytes(rest, "little"))
    if kind == b"\xff\x8e" and len(rest) == 3:
        return DeviceCommand("interval", int.from_bytes(rest[1:], "little") * 60)
    if kind == b"\xff\x06" and len(rest) == 9:
        limits = [int.from_bytes(rest[i : i + 2], "little") for i in (1, 3)]
        used = LIMITS_USED.get(rest[0] & 7, (False, False))
        both = [x if on else None for x, on in zip(limits, used, strict=True)]
        return DeviceCommand("thresholds", {"distance": both})
    return None


def _dragino(data: bytes) -> DeviceCommand | None:
    if data == b"\x04\xff":
        return DeviceCommand("reboot")
    if data[:1] == b"\x01" and len(data) == 4:
        return DeviceCommand("interval", int.from_bytes(data[1:], "big"))
    return None


def native(payload: bytes) -> DeviceCommand | None:
    """Parse a command in native JSON; None if there is none."""
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    kind = body.get("command")
    if kind == "interval":
        return _valued(kind, body.get("interval_s"))
    if kind == "thresholds":
        return _valued(kind, body.get("thresholds"))
    return DeviceCommand(kind) if kind == "reboot" else None


def thresholds(limits: object) -> dict[str, tuple[float, float]]:
    """Return lower and upper limits by measurement, of those a level sensor has.

    A single number is the lower limit of a distance, else the upper limit.
    """
    found = {}
    for name, value in limits.items() if isinstance(limits, dict) else ():
        pair = value
        if isinstance(value, int | float):
            pair = [value, None] if name == "distance" else [None, value]
        if name in KNOWN and isinstance(pair, list) and len(pair) == 2:
            low, high = pair
            found[name] = -inf if low is None else low, inf if high is None else high
    return found


def _valued(kind: str, value: object) -> DeviceCommand | None:
    return None if value is None else DeviceCommand(kind, value)
