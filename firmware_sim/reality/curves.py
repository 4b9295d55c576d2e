"""Read fill curves from a CSV and from a trace."""

import csv
import gzip
import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from firmware_sim.clock import DAY, HOUR, parse_time

F64 = NDArray[np.float64]
Readings = dict[str, dict[int, float]]
MIN_READINGS = 20  # of a curve
MAX_CLOCK_ERROR = 4 * DAY  # ms: a larger one means that the clock was reset
MONDAY_H = 72  # 1970-01-01 was a Thursday


class FillCurve(NamedTuple):
    """Readings of one container in order: local hours since a Monday, percent."""

    hours: F64
    fill: F64

    def thinned(self, every_h: float) -> "FillCurve":
        """Return at most one reading in each interval of `every_h` hours."""
        _, first = np.unique(self.hours // every_h, return_index=True)
        return FillCurve(self.hours[first], self.fill[first])


def curves_of(readings: Readings, timezone: str) -> list[FillCurve]:
    """Return the curves with at least MIN_READINGS readings."""
    zone = ZoneInfo(timezone)
    found = []
    for by_time in readings.values():
        if len(by_time) >= MIN_READINGS:
            at = np.array(sorted(by_time), np.int64)
            fill = np.array([by_time[moment] for moment in at.tolist()])
            found.append(FillCurve(_local(at, zone), fill))
    return found


def _local(at: NDArray[np.int64], zone: ZoneInfo) -> F64:
    hours, which = np.unique(at // HOUR, return_inverse=True)
    moments = (datetime.fromtimestamp(hour * 3600, zone) for hour in hours.tolist())
    offsets = [moment.utcoffset() or timedelta() for moment in moments]
    local: F64 = at / HOUR + np.array([o / timedelta(hours=1) for o in offsets])[which]
    return local + MONDAY_H


def real_curves(file: Path, timezone: str) -> list[FillCurve]:
    """Read curves from a CSV (or .gz) with container_id, time_utc and fill_pct."""
    readings: Readings = defaultdict(dict)
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as rows:
        for row in csv.DictReader(r for r in rows if not r.startswith("#")):
            text = row["time_utc"].replace(" ", "T")
            at = parse_time(text if text.endswith("Z") or "+" in text else text + "Z")
            readings[row["container_id"]][at] = float(row["fill_pct"])
    return curves_of(readings, timezone)


def distances(payload: bytes) -> Iterator[tuple[int, float]]:
    """Yield times (epoch ms) and distances (mm) of a native uplink; none if invalid."""
    try:
        content = json.loads(payload)
        for item in content if isinstance(content, list) else [content]:
            if "distance" in item["m"]:
                yield int(item["ts"]), float(item["m"]["distance"])
    except (ValueError, KeyError, TypeError):
        return


def _spans(folder: Path) -> dict[str, tuple[float, float]]:
    """Return the distances of empty and full, mm, by device."""
    with (folder / "fleet.csv").open(encoding="utf-8", newline="") as rows:
        return {
            row["device"]: (float(row["empty_mm"]), float(row["full_mm"]))
            for row in csv.DictReader(rows)
            if row.get("empty_mm") and row.get("full_mm")
        }


def trace_curves(folder: Path) -> list[FillCurve]:
    """Compute curves from a trace's native level readings, as a hub does."""
    with (folder / "labels.jsonl").open(encoding="utf-8") as labels:
        timezone = json.loads(labels.readline())["timezone"]
    spans = _spans(folder)
    readings: Readings = defaultdict(dict)
    with (folder / "uplinks.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            uplink = json.loads(line)
            device = uplink["topic"].split("/")[-2]
            if device in spans:
                empty, full = spans[device]
                received = parse_time(uplink["received_at"])
                for at, distance in distances(b64decode(uplink["payload"])):
                    if abs(received - at) < MAX_CLOCK_ERROR:
                        share = (empty - distance) / (empty - full)
                        readings[device][at] = 100 * share
    return curves_of(readings, timezone)
