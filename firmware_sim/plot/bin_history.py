"""What a trace's folder, alerts and estimates tell about one bin."""

import csv
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_sim.clock import parse_time
from firmware_sim.reality import distances
from firmware_sim.reality.curves import CLOCK_OFF

Curve = list[tuple[int, float]]


@dataclass
class BinHistory:
    """One bin's past; times in epoch ms, fills in percent."""

    asset: str
    truth: Curve = field(default_factory=list)
    readings: Curve = field(default_factory=list)
    estimates: list[tuple[int, float, float]] = field(default_factory=list)
    emptied: list[int] = field(default_factory=list)
    seen_emptied: list[int] = field(default_factory=list)
    alerts: list[tuple[int, int, str]] = field(default_factory=list)


def _lines(file: Path, mark: str) -> Iterator[dict[str, Any]]:
    """Objects of the lines that hold the mark; the others are not parsed."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if mark in line:
                yield json.loads(line)


def _read_truth(story: BinHistory, file: Path) -> None:
    for label in _lines(file, f'"{story.asset}"'):
        if label.get("asset") != story.asset:
            continue
        at = parse_time(label["at"]) if "at" in label else 0
        if label["label"] == "fill":
            step = label["step_s"] * 1000
            story.truth += [(at + i * step, v) for i, v in enumerate(label["fill"])]
        elif label["label"] == "emptied":
            story.emptied.append(at)


def _level_rows(folder: Path, asset: str) -> Iterator[dict[str, str]]:
    with (folder / "fleet.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["asset"] == asset and row.get("empty_mm") and row.get("full_mm"):
                yield row


def _read_readings(story: BinHistory, folder: Path) -> None:
    for row in _level_rows(folder, story.asset):
        empty, full = float(row["empty_mm"]), float(row["full_mm"])
        for uplink in _lines(folder / "uplinks.jsonl", f"/{row['device']}/up"):
            received = parse_time(uplink["received_at"])
            for at, distance in distances(b64decode(uplink["payload"])):
                if abs(received - at) < CLOCK_OFF:
                    fill = 100 * (empty - distance) / (empty - full)
                    story.readings.append((at, fill))


def _read_estimates(story: BinHistory, file: Path) -> None:
    for line in _lines(file, f'"{story.asset}"'):
        if line["asset"] != story.asset:
            continue
        at = parse_time(line["at"])
        if line.get("estimate") == "fill":
            story.estimates.append((at, line["fill"], line["sd"]))
        elif line.get("service") == "emptied":
            story.seen_emptied.append(at)


def _read_alerts(story: BinHistory, file: Path) -> None:
    begun: dict[str, tuple[int, str]] = {}
    for line in _lines(file, f'"{story.asset}"'):
        if line["asset"] != story.asset:
            continue
        at = parse_time(line["at"])
        if line["to"] == "firing":
            begun[line["alert"]] = (at, line["rule"])
        elif line["to"] == "resolved" and line["alert"] in begun:
            since, rule = begun.pop(line["alert"])
            story.alerts.append((since, at, rule))
    end = max((at for at, _ in story.truth), default=0)
    story.alerts += [(since, max(since, end), rule) for since, rule in begun.values()]


def read_story(
    folder: Path, asset: str, alerts: Path | None, estimates: Path | None
) -> BinHistory:
    """Everything told about the asset; without a fill of it in the truth: empty."""
    story = BinHistory(asset)
    _read_truth(story, folder / "labels.jsonl")
    _read_readings(story, folder)
    if estimates is not None:
        _read_estimates(story, estimates)
    if alerts is not None:
        _read_alerts(story, alerts)
    story.alerts.sort()
    return story
