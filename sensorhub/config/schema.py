"""Shared by all checked files: strict models, ids, faults made from pydantic errors."""

import re
import tomllib
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from sensorhub.errors import Fault
from sensorhub.model import ID_PATTERN


class Strict(BaseModel):
    """Base of all settings: unknown keys are faults, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no such time zone: {name!r}; e.g. Asia/Shanghai") from error
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]
Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_local_time(value: object) -> object:
    """Parse a time of day: "22:30" or TOML's 22:30:00. A bare number is refused."""
    if isinstance(value, str | time):
        return value
    raise ValueError('a time of day is text like "06:30"')


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError('a time of day without zone, like "06:30"; see timezone')
    return value


LocalTime = Annotated[
    time, BeforeValidator(parse_local_time), AfterValidator(_without_zone)
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_duration(value: object) -> int:
    """Parse "90s", "10m", "12h" or "7d" into milliseconds. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError('a duration is text like "90s", "10m", "12h" or "7d"')
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError('a duration looks like "90s", "10m", "12h" or "7d"')
    return round(float(match[1]) * _UNITS_MS[match[2]])


Duration = Annotated[int, BeforeValidator(parse_duration), Field(ge=0)]


def read_toml(path: Path, faults: list[Fault]) -> dict[str, Any]:
    """Read a TOML file; adds a fault and returns {} if it cannot be read."""
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(str(path), "syntax", str(error)))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(str(path), "file", f"cannot be read: {error}"))
    return {}


_WORDS = {
    "missing": "is needed",
    "extra_forbidden": "unknown key; docs/settings.md lists the known ones,"
    " docs/rules.md those of rules",
    "tuple_type": 'should be a list, like ["…", "…"]',
    "list_type": 'should be a list, like ["…", "…"]',
    "dict_type": "should be a table of keys and values",
    "model_type": "should be a table of keys and values",
    "string_pattern_mismatch": "should be an id: up to 64 letters, digits, - and _,"
    " beginning with a letter or digit",
}


def explain(error: ValidationError, file: str, prefix: str = "") -> list[Fault]:
    """Convert pydantic errors to faults with file and dotted key, without secrets."""
    faults = []
    items = error.errors(include_url=False, include_context=False)
    for item in items:
        depth = len(item["loc"])
        inside = any(o["loc"][:depth] == item["loc"] for o in items if o is not item)
        if item["type"] == "too_short" and inside:
            continue  # it is short of what is unsound itself
        key = ".".join(str(part) for part in (prefix, *item["loc"]) if part != "")
        message = item["msg"].removeprefix("Value error, ")
        what = _WORDS.get(item["type"], message)
        given = item["input"]
        secret = any(word in key for word in ("password", "secret", "token"))
        plain = isinstance(given, str | int | float | bool)
        if plain and not secret and item["type"] != "extra_forbidden":
            what = f"{what} (given: {given!r})"
        faults.append(Fault(file, key or "file", what))
    return faults
