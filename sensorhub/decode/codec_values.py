"""Conversion of a payload codec's result to the fields of a frame. Pure.

A result is what LoRa Alliance TS013 says: `data`, `warnings`, `errors`; one without
any of them is taken as the data. Names inside each other become `a.b`. A record of a
list that has a time of its own (`time`, `timestamp`, `ts`, `date`) keeps it, and its
values have the names that they have in the record.
"""

from typing import Any, Final

import msgspec

from sensorhub.decode.network_server import (
    MAX_DEPTH,
    MAX_VALUES,
    UNREADABLE,
    brief,
    number,
    parse_rfc3339,
)
from sensorhub.decode.units import amount
from sensorhub.model import Field, Frame, Text

_TIMES: Final = ("timestamp", "time", "ts", "date")
_PARTS: Final = ("data", "warnings", "errors")
SECONDS_BELOW: Final = 100_000_000_000  # as ms it would be March 1973
_YEAR_2000_S: Final = 946_684_800
FAR_MS: Final = 2**53


def result_frame(result_text: str) -> Frame:
    """Parse a codec's result (JSON text) into a frame."""
    try:
        result = msgspec.json.decode(result_text)
    except UNREADABLE as error:
        return Frame(errors=[f"the codec's result cannot be read: {error}"])
    data: Any = result
    frame = Frame()
    if isinstance(result, dict) and any(part in result for part in _PARTS):
        data = result.get("data")
        frame.errors = _texts(result.get("errors"))
        frame.ignored = [f"warning: {text}" for text in _texts(result.get("warnings"))]
    if frame.errors:
        return frame
    if not isinstance(data, dict | list | None):
        frame.errors.append(f"the codec gave {brief(data)}; an object is expected")
        return frame
    _flatten(frame, data)
    frame.answers = not (frame.fields or data)
    return frame


def _texts(value: object) -> list[str]:
    """Return a codec's list of texts, whatever type it has."""
    items = value if isinstance(value, list) else [value]
    return [
        item[:200]
        if isinstance(item, str)
        else msgspec.json.encode(item).decode()[:200]
        for item in items[:20]
        if item not in (None, "", {})
    ]


def _flatten(frame: Frame, data: object) -> None:
    waiting: list[tuple[str, object, int, int | None]] = [("", data, 0, None)]
    while waiting:
        name, value, depth, at = waiting.pop()
        if isinstance(value, dict | list) and depth < MAX_DEPTH:
            waiting.extend(reversed(_items(name, value, depth + 1, at)))
        elif len(frame.fields) + len(frame.texts) + len(frame.ignored) < MAX_VALUES:
            _add_value(frame, name, value, at)
        else:
            frame.ignored.append("further values of the codec: too many")
            return


def _items(
    name: str, value: dict[str, Any] | list[Any], depth: int, at: int | None
) -> list[tuple[str, object, int, int | None]]:
    prefix = f"{name}." if name else ""
    if isinstance(value, dict):
        return [(f"{prefix}{key}"[:64], item, depth, at) for key, item in value.items()]
    found: list[tuple[str, object, int, int | None]] = []
    for place, item in enumerate(value):
        own = _own_time(item)
        if own is None:
            found.append((f"{prefix}{place}"[:64], item, depth, at))
        else:
            key, own_ms = own
            found += [(k[:64], v, depth, own_ms) for k, v in item.items() if k != key]
    return found


def _own_time(record: object) -> tuple[str, int] | None:
    """Return the key of a record's own time and that time in ms; None without one."""
    if not isinstance(record, dict):
        return None
    for key in record:
        own_ms = _epoch_ms(record[key]) if key.lower() in _TIMES else None
        if own_ms is not None:
            return key, own_ms
    return None


def _epoch_ms(value: object) -> int | None:
    """Return epoch seconds, epoch ms or RFC 3339 text in epoch ms."""
    plain = number(value)
    if plain is None:
        return parse_rfc3339(value)
    if not _YEAR_2000_S <= plain <= FAR_MS:
        return None
    return round(plain * 1000 if plain < SECONDS_BELOW else plain)


def _add_value(frame: Frame, name: str, value: object, at: int | None) -> None:
    plain = float(value) if isinstance(value, bool) else number(value)
    if plain is None and isinstance(value, str):
        plain = amount(value)
    name = name or "value"
    if plain is not None:
        frame.fields.append(Field(name, plain, at))
    elif isinstance(value, str):
        frame.texts.append(Text(name, value[:64], at))
    elif value is not None:
        frame.ignored.append(f"{name}: {brief(value)}")
