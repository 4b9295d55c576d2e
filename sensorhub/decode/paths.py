"""Lookup in JSON by dotted paths. Pure."""

from typing import Any, Final

NOTHING: Final = object()


def find(message: Any, path: str) -> Any:
    """Return the value at `path`; NOTHING where there is none."""
    if isinstance(message, list):
        first, _, rest = path.partition(".")
        if not (first.isascii() and first.isdigit()) or len(first) > 6:
            return NOTHING
        place = int(first)
        if place >= len(message):
            return NOTHING
        return find(message[place], rest) if rest else message[place]
    if not isinstance(message, dict):
        return NOTHING
    if path in message:
        return message[path]
    end = path.rfind(".")
    while end > 0:
        if path[:end] in message:
            found = find(message[path[:end]], path[end + 1 :])
            if found is not NOTHING:
                return found
        end = path.rfind(".", 0, end)
    return NOTHING
