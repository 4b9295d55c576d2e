"""Ground-truth labels of a trace, one JSON object per line; never part of an uplink."""

import json
from collections.abc import Iterable
from typing import Any

from firmware_sim.clock import rfc3339


def label(kind: str, /, **values: Any) -> str:
    """Return one line; `at`, `until`, `start` in epoch ms are written as RFC 3339."""
    line: dict[str, Any] = {"label": kind}
    for name, value in values.items():
        is_time = name in ("at", "until", "start") and isinstance(value, int)
        line[name] = rfc3339(value) if is_time else value
    return json.dumps(line, separators=(",", ":")) + "\n"


def numbers(values: Iterable[float], digits: int) -> list[float]:
    """Return numbers rounded for a label."""
    return [round(value, digits) for value in values]
