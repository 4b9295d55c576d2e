"""Labels: the truth beside a trace, one JSON object a line. Never part of an uplink."""

import json
from collections.abc import Iterable
from typing import Any

from firmware_sim.clock import rfc3339


def label(kind: str, /, **values: Any) -> str:
    """One line; values in ms whose names are times become RFC 3339."""
    line: dict[str, Any] = {"label": kind}
    for name, value in values.items():
        timed = name in ("at", "until", "start") and isinstance(value, int)
        line[name] = rfc3339(value) if timed else value
    return json.dumps(line, separators=(",", ":")) + "\n"


def numbers(values: Iterable[float], digits: int) -> list[float]:
    """Numbers for a label, rounded."""
    return [round(value, digits) for value in values]
