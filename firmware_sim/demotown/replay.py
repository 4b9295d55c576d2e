"""Real fill curves as native devices, shifted to the simulated clock.

The excerpt and its origin: firmware_sim/data/README.md. It is shifted so that the
local time of day stays (Prague in winter is UTC+1), and repeats at its end.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib import resources

from firmware_sim.clock import DAY, HOUR, parse_time
from firmware_sim.demotown.devices import DemoUplink, uplink_topic
from firmware_sim.demotown.fleet import DemoAsset
from firmware_sim.demotown.world import TOWN_OFFSET
from firmware_sim.families import wire

PRAGUE_OFFSET = 1 * HOUR
SPAN = 42 * DAY


@cache
def curves() -> dict[str, list[tuple[int, float]]]:
    """Return (time in epoch ms, fill in %) by container, in order of time."""
    file = resources.files("firmware_sim") / "data" / "prague_fill_excerpt.csv"
    lines = (
        line
        for line in file.read_text("utf-8").splitlines()
        if not line.startswith("#")
    )
    found: dict[str, list[tuple[int, float]]] = {}
    for row in csv.DictReader(lines):
        point = (parse_time(row["time_utc"]), float(row["fill_pct"]))
        found.setdefault(row["container_id"], []).append(point)
    return {container: sorted(points) for container, points in found.items()}


class CurveReplay:
    """The curve of one container from `at` on, as a native device."""

    def __init__(
        self, asset: DemoAsset, at: int, points: Sequence[tuple[int, float]]
    ) -> None:
        self._asset = asset
        self._points = points
        midnight = (at + TOWN_OFFSET) // DAY * DAY - TOWN_OFFSET
        first = points[0][0]
        start = (first + PRAGUE_OFFSET) // DAY * DAY - PRAGUE_OFFSET
        self._shift = midnight - start
        self._seq = 0
        while self.next_at <= at:
            self._seq += 1

    @property
    def next_at(self) -> int:
        """Simulated time of the next uplink, epoch ms."""
        rounds, n = divmod(self._seq, len(self._points))
        return self._points[n][0] + self._shift + rounds * SPAN

    def next_uplinks(self) -> list[DemoUplink]:
        """Return the uplink of `next_at`, and advance `next_at`."""
        at = self.next_at
        fill = self._points[self._seq % len(self._points)][1]
        payload = wire.native([(at, self._seq, {"fill_level": fill})], epoch=False)
        self._seq += 1
        mounting = self._asset.mountings[0]
        topic = uplink_topic(self._asset, mounting)
        return [DemoUplink(at, mounting.device, topic, payload)]
