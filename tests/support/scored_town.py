"""A town of one bin, and what a hub may say of it, as files for the scorer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware_sim.clock import rfc3339
from firmware_sim.score import score

START = 1_767_571_200_000  # a Monday, 0 h UTC
HOUR = 3_600_000
DAY = 24 * HOUR
Line = dict[str, Any]


def at(hours: float) -> str:
    return rfc3339(START + round(hours * HOUR))


def town(days: int = 4) -> list[Line]:
    """One bin that gains a point an hour from 0 %, emptied after 110 hours.

    It is 70 % full at hour 70, overflows at hour 100, and is 10 % at the end of day 5.
    """
    lines: list[Line] = [
        {
            "label": "town",
            "start": at(0),
            "days": days,
            "timezone": "UTC",
            "profile": {"bin": [1.0] * 168},
        },
        {"label": "asset", "asset": "b", "kind": "bin", "rate": 24, "settling": 0.0},
    ]
    fill = [h if h < 110 else h - 110 for h in range(days * 24)]
    for day in range(days):
        part = fill[24 * day : 24 * day + 24]
        lines.append(
            {
                "label": "fill",
                "asset": "b",
                "at": at(24 * day),
                "step_s": 3600,
                "fill": part,
                "gain": [1.0] * 24,
            }
        )
    return [
        *lines,
        {"label": "overflow", "asset": "b", "at": at(100), "until": at(110)},
        {"label": "emptied", "asset": "b", "at": at(110), "before": 110, "after": 0},
    ]


def alert(begin: float, end: float | None = None, **more: Any) -> list[Line]:
    """Its transitions."""
    plain = {
        "alert": f"a{begin}",
        "asset": "b",
        "rule": "bin_full",
        "kind": "forecast",
        "category": "collect",
    } | more
    found: list[Line] = [{"at": at(begin), "from": None, "to": "firing"} | plain]
    if end is not None:
        found.append({"at": at(end), "from": "firing", "to": "resolved"} | plain)
    return found


def estimate(hour: float, **told: float | None) -> Line:
    plain = {"hours_to_full": None, "h10": None, "h90": None, "p_full_24h": 0.0}
    return {"estimate": "fill", "asset": "b", "at": at(hour)} | plain | told


def emptied(hour: float, begin: float, end: float) -> Line:
    span = {"from": at(begin), "until": at(end), "decided_at": at(end)}
    return {"service": "emptied", "asset": "b", "at": at(hour)} | span


def write(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def scored(
    folder: Path,
    alerts: list[Line],
    estimates: list[Line] | None = None,
    truth: list[Line] | None = None,
) -> Mapping[str, float | int | None]:
    return score(
        write(folder / "labels.jsonl", town(8) if truth is None else truth),
        write(folder / "alerts.jsonl", alerts),
        write(folder / "e.jsonl", estimates) if estimates is not None else None,
        warmup_days=0,
    )
