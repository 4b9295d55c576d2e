"""Whether the hub is well: for service managers, containers and monitoring."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sensorhub.fleet.times import parse_time

STILL_S = 60.0  # real time


def troubles(view: Mapping[str, Any]) -> list[str]:
    """What of a status view says that the hub is not well; nothing where it is."""
    if not view["running"]:
        return ["no hub runs on this data folder"]
    found = []
    for key, words in (
        ("alive_at", "the hub's loop has stood still"),
        ("heard_at", "the hub has not heard all that its broker has"),
    ):
        if view[key] is None:
            found.append(f"{words}: it has only begun")
            continue
        away = parse_time(view["now"], UTC) - parse_time(view[key], UTC)
        real_s = away / 1000 / view["clock"]["speed"]
        if real_s > STILL_S:
            found.append(f"{words} for {real_s:.0f} s")
    return found
