"""Native JSON of the wire contract: `{"ts":…, "seq":…, "m": {name: value}}`.

The typed decoder parses valid messages in about a microsecond. What it refuses goes to
the lenient parser, which keeps every usable value and lists the rest with a reason.
"""

import math
from datetime import datetime
from typing import Annotated, Any

import msgspec

MAX_SEQ = 2**53
MAX_RECORDS = 1_000
MAX_VALUES = 256


class NativeRecord(msgspec.Struct, gc=False):
    """A valid native uplink record."""

    m: dict[str, float]
    ts: Annotated[datetime, msgspec.Meta(tz=True)] | int | None = None
    seq: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)] | None = None
    via: str | None = None


class DeviceStatus(msgspec.Struct):
    """Birth or last will on the status topic; `done`: a downlink's id."""

    state: str
    firmware: str = ""
    done: str = ""
    interval_s: Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)] | None = None


decode_record = msgspec.json.Decoder(NativeRecord).decode
decode_status = msgspec.json.Decoder(DeviceStatus).decode


class LenientRecord(msgspec.Struct):
    """A record of the lenient parser; `ignored` lists what could not be used."""

    values: dict[str, float]
    ts: int | None
    seq: int | None
    ignored: list[str]
    via: object = None


def to_ms(ts: datetime | int) -> int:
    """Return a record's time in epoch ms."""
    if isinstance(ts, datetime):
        return round(ts.timestamp() * 1000)
    return ts


def parse_lenient(payload: bytes) -> list[LenientRecord]:
    """Parse one or many records, as far as they are usable.

    Raises ValueError with the cause where nothing is usable.
    """
    try:
        data = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ValueError(f"not JSON: {error}") from error
    items = data if isinstance(data, list) else [data]
    if not items or len(items) > MAX_RECORDS:
        raise ValueError(f"{len(items)} records; 1 to {MAX_RECORDS} are taken")
    return [_record(item) for item in items]


def _record(item: Any) -> LenientRecord:
    if not isinstance(item, dict) or not isinstance(item.get("m"), dict):
        raise ValueError('a record is an object with "m": {name: value}')
    ignored: list[str] = []
    values: dict[str, float] = {}
    if len(item["m"]) > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} values in one record")
    for name, value in item["m"].items():
        number = _number(value)
        if number is None:
            ignored.append(f"{name}: not a number: {value!r:.40}")
        else:
            values[name] = number
    time, seq = _time(item, ignored), _seq(item, ignored)
    return LenientRecord(values, time, seq, ignored, item.get("via"))


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _time(item: dict[str, Any], ignored: list[str]) -> int | None:
    ts = item.get("ts")
    if ts is None:
        return None
    try:
        ms = to_ms(
            msgspec.convert(ts, Annotated[datetime, msgspec.Meta(tz=True)] | int)
        )
        if abs(ms) < 2**62:
            return ms
    except (msgspec.ValidationError, OverflowError, ValueError):
        pass
    ignored.append(f"ts: neither RFC 3339 nor epoch ms: {ts!r:.40}")
    return None


def _seq(item: dict[str, Any], ignored: list[str]) -> int | None:
    seq = item.get("seq")
    if seq is None:
        return None
    if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq <= MAX_SEQ:
        return seq
    ignored.append(f"seq: not a whole number from 0 to 2^53: {seq!r:.40}")
    return None
