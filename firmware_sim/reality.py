"""Statistics of fill curves, so that a trace can be held against real ones."""

import csv
import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from firmware_sim.clock import parse_time

Curves = dict[str, list[tuple[int, float]]]
HOUR_MS = 3_600_000


def real_curves(file: Path) -> Curves:
    """Curves of a CSV with container_id, time_utc and fill_pct."""
    curves: Curves = defaultdict(list)
    with file.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(r for r in rows if not r.startswith("#")):
            text = row["time_utc"].replace(" ", "T")
            at = parse_time(text if text.endswith("Z") or "+" in text else text + "Z")
            curves[row["container_id"]].append((at, float(row["fill_pct"])))
    return curves


def distances(payload: bytes) -> Iterator[tuple[int, float]]:
    """Moments and distances of a native uplink; none of what is garbage."""
    try:
        content = json.loads(payload)
        for item in content if isinstance(content, list) else [content]:
            if "distance" in item["m"]:
                yield int(item["ts"]), float(item["m"]["distance"])
    except (ValueError, KeyError, TypeError):
        return


def _spans(folder: Path) -> dict[str, tuple[float, float]]:
    """Distances of empty and full, mm, by device."""
    with (folder / "fleet.csv").open(encoding="utf-8", newline="") as rows:
        return {
            row["device"]: (float(row["empty_mm"]), float(row["full_mm"]))
            for row in csv.DictReader(rows)
            if row.get("empty_mm") and row.get("full_mm")
        }


def trace_curves(folder: Path) -> Curves:
    """Curves of the native level readings of a trace, as a hub would compute them."""
    spans = _spans(folder)
    curves: Curves = defaultdict(list)
    with (folder / "uplinks.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            uplink = json.loads(line)
            device = uplink["topic"].split("/")[-2]
            if device in spans:
                empty, full = spans[device]
                for at, distance in distances(b64decode(uplink["payload"])):
                    curves[device].append(
                        (at, 100 * (empty - distance) / (empty - full))
                    )
    return curves


def _of_one(curve: list[tuple[int, float]]) -> tuple[float, ...]:
    rows = np.array(sorted(dict(curve).items()), dtype=float)
    at, fill = rows[:, 0] / HOUR_MS, rows[:, 1]
    gaps, steps = np.diff(at), np.diff(fill)
    windows = np.median(np.lib.stride_tricks.sliding_window_view(fill, 6), axis=1)
    falls = windows[:-6] - windows[6:]
    best = [
        i
        for i in np.flatnonzero(falls >= 25)
        if falls[i] == falls[max(0, i - 6) : i + 7].max()
    ]
    before = float(np.median(windows[best])) if best else float("nan")
    size = float(np.median(falls[best])) if best else float("nan")
    ends = abs(fill[2:] - fill[:-2]) < 10
    spikes = ends & (abs(fill[1:-1] - (fill[2:] + fill[:-2]) / 2) >= 20)
    period = np.median(gaps)
    missing = np.maximum(np.round(gaps / period) - 1, 0).sum()
    return (
        float(period),
        float((steps == 0).mean()),
        float((steps >= 10).mean()),
        float(spikes.mean()),
        float(missing / (missing + len(fill))),
        before,
        size,
    )


NAMES = (
    "hours between readings",
    "share of repeats",
    "share of jumps up of 10 points or more",
    "share of spikes of 20 points or more",
    "share missing",
    "fill before an emptying, %",
    "size of an emptying, points",
)


def statistics(curves: Iterable[list[tuple[int, float]]]) -> dict[str, float]:
    """Each statistic's median over the curves of at least 20 readings."""
    rows = [_of_one(curve) for curve in curves if len(curve) >= 20]
    middle = np.nanmedian(np.array(rows), axis=0)
    return {name: round(float(v), 4) for name, v in zip(NAMES, middle, strict=True)}
