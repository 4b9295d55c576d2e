"""The history of one bin from a trace, alerts and estimates."""

import csv
import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware_sim.clock import parse_time
from firmware_sim.reality import distances
from firmware_sim.reality.curves import MAX_CLOCK_ERROR

Curve = list[tuple[int, float]]


@dataclass
class BinHistory:
    """The history of one bin; times in epoch ms, fills in percent."""

    asset: str
    truth: Curve = field(default_factory=list)
    readings: Curve = field(default_factory=list)
    estimates: list[tuple[int, float, float]] = field(default_factory=list)
    emptied: list[int] = field(default_factory=list)
    detected_emptied: list[int] = field(default_factory=list)
    alerts: list[tuple[int, int, str]] = field(default_factory=list)


def _lines(file: Path, mark: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of lines that contain `mark`; others are not parsed."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if mark in line:
                yield json.loads(line)


def _read_truth(history: BinHistory, file: Path) -> None:
    for label in _lines(file, f'"{history.asset}"'):
        if label.get("asset") != history.asset:
            continue
        at = parse_time(label["at"]) if "at" in label else 0
        if label["label"] == "fill":
            step = label["step_s"] * 1000
            history.truth += [(at + i * step, v) for i, v in enumerate(label["fill"])]
        elif label["label"] == "emptied":
            history.emptied.append(at)


def _level_rows(folder: Path, asset: str) -> Iterator[dict[str, str]]:
    with (folder / "fleet.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if row["asset"] == asset and row.get("empty_mm") and row.get("full_mm"):
                yield row


def _read_readings(history: BinHistory, folder: Path) -> None:
    for row in _level_rows(folder, history.asset):
        empty, full = float(row["empty_mm"]), float(row["full_mm"])
        for uplink in _lines(folder / "uplinks.jsonl", f"/{row['device']}/up"):
            received = parse_time(uplink["received_at"])
            for at, distance in distances(b64decode(uplink["payload"])):
                if abs(received - at) < MAX_CLOCK_ERROR:
                    fill = 100 * (empty - distance) / (empty - full)
                    history.readings.append((at, fill))


def _read_estimates(history: BinHistory, file: Path) -> None:
    for line in _lines(file, f'"{history.asset}"'):
        if line["asset"] != history.asset:
            continue
        at = parse_time(line["at"])
        if line.get("estimate") == "fill":
            history.estimates.append((at, line["fill"], line["sd"]))
        elif line.get("service") == "emptied":
            history.detected_emptied.append(at)


def _read_alerts(history: BinHistory, file: Path) -> None:
    open_alerts: dict[str, tuple[int, str]] = {}
    for line in _lines(file, f'"{history.asset}"'):
        if line["asset"] != history.asset:
            continue
        at = parse_time(line["at"])
        if line["to"] == "firing":
            open_alerts[line["alert"]] = (at, line["rule"])
        elif line["to"] == "resolved" and line["alert"] in open_alerts:
            since, rule = open_alerts.pop(line["alert"])
            history.alerts.append((since, at, rule))
    end = max((at for at, _ in history.truth), default=0)
    history.alerts += [
        (since, max(since, end), rule) for since, rule in open_alerts.values()
    ]


def read_history(
    folder: Path, asset: str, alerts: Path | None, estimates: Path | None
) -> BinHistory:
    """Read the history of an asset; `truth` is empty if the trace does not have it."""
    history = BinHistory(asset)
    _read_truth(history, folder / "labels.jsonl")
    _read_readings(history, folder)
    if estimates is not None:
        _read_estimates(history, estimates)
    if alerts is not None:
        _read_alerts(history, alerts)
    history.alerts.sort()
    return history
