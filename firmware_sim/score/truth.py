"""Labels of a trace as columns: fills, emptyings, overflows, gas, faults by asset."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MOST_H = 72  # how far the counterfactual is followed
FULL = 100.0


class ScoreError(Exception):
    """A file that cannot be scored: which, where, why."""


@lru_cache(65_536)
def ms(text: str) -> int:
    """RFC 3339 as epoch ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON objects of a file, one a line. Raises ScoreError with the line."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield decode(line)
                except msgspec.MsgspecError as error:
                    raise ScoreError(f"{path}, line {number}: {error}") from error
    except OSError as error:
        raise ScoreError(f"{path}: {error.strerror}") from error


@dataclass(slots=True)
class TrueFill:
    """True fill of an asset (%), and what was thrown in (%) during each step."""

    start: int
    step_ms: int
    settling: float
    fill: F64
    gain: F64

    @property
    def end(self) -> int:
        """When the truth ends, ms."""
        return self.start + len(self.fill) * self.step_ms

    def at(self, time: int) -> int:
        """The step at a time."""
        return min(max((time - self.start) // self.step_ms, 0), len(self.fill) - 1)

    def hours_to_full(self, steps: NDArray[np.intp], most_h: int = MOST_H) -> F64:
        """Hours from steps until it would be full had nobody emptied it.

        0 where it is full; inf where not within `most_h` or before the truth ends.
        """
        keeps = float(np.exp(-self.settling * self.step_ms / HOUR_MS))
        found = np.where(self.fill[steps] >= FULL, 0.0, np.inf)
        gain = np.append(self.gain, np.zeros(most_h * HOUR_MS // self.step_ms + 1))
        level = self.fill[steps].copy()
        for ahead in range(1, most_h * HOUR_MS // self.step_ms + 1):
            level = level * keeps + gain[steps + ahead]
            reached = (level >= FULL) & np.isinf(found)
            found[reached] = ahead * self.step_ms / HOUR_MS
        return found


@dataclass(slots=True)
class GroundTruth:
    """All labels that are scored; times in ms."""

    start: int = 0
    days: int = 0
    offset_ms: int = 0  # local time less UTC at the start
    weeks: dict[str, F64] = field(default_factory=dict)  # by kind, mean 1
    kinds: dict[str, str] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)  # % a mean day, gross
    fills: dict[str, TrueFill] = field(default_factory=dict)
    emptied: dict[str, list[tuple[int, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    overflows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    gas: dict[str, tuple[int, int, F64]] = field(default_factory=dict)
    faults: list[tuple[str, str, int, int]] = field(default_factory=list)

    @property
    def end(self) -> int:
        """When the trace ends."""
        return self.start + self.days * DAY_MS

    def first_overflows(self, asset: str) -> list[tuple[int, int]]:
        """Overflows, the first of each filling; and when that filling began."""
        began = [0, *(at for at, _ in sorted(self.emptied[asset]))]
        found: dict[int, int] = {}
        for at in sorted(self.overflows[asset]):
            cycle = max(x for x in began if x <= at)
            found.setdefault(cycle, at)
        return [(at, cycle) for cycle, at in found.items()]


def _town(truth: GroundTruth, line: dict[str, Any]) -> None:
    truth.start, truth.days = ms(line["start"]), int(line["days"])
    begins = datetime.fromtimestamp(truth.start / 1000, ZoneInfo(line["timezone"]))
    truth.offset_ms = round(begins.utcoffset().total_seconds() * 1000)  # type: ignore[union-attr]
    for kind, week in line["profile"].items():
        truth.weeks[kind] = np.array(week, np.float64)


def read_truth(path: Path) -> GroundTruth:
    """Labels by `firmware-sim trace`. Raises ScoreError."""
    truth = GroundTruth()
    settling: dict[str, float] = {}
    fills: dict[str, list[dict[str, Any]]] = defaultdict(list)
    gases: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines(path):
        kind = line.get("label")
        try:
            if kind == "town":
                _town(truth, line)
            elif kind == "asset":
                settling[line["asset"]] = float(line.get("settling", 0.0))
                truth.kinds[line["asset"]] = line["kind"]
                truth.rates[line["asset"]] = float(line.get("rate", 0.0))
            elif kind == "fill":
                fills[line["asset"]].append(line)
            elif kind == "gas":
                gases[line["asset"]].append(line)
            elif kind == "emptied":
                event = ms(line["at"]), float(line["before"])
                truth.emptied[line["asset"]].append(event)
            elif kind == "overflow":
                truth.overflows[line["asset"]].append(ms(line["at"]))
            elif kind == "fault":
                until = line.get("until")
                span = ms(line["at"]), ms(until) if until else 2**62
                truth.faults.append((line["fault"], line["asset"], *span))
            elif kind == "gateway_down":
                until = line.get("until")
                span = ms(line["at"]), ms(until) if until else 2**62
                truth.faults.append(("gateway", line["gateway"], *span))
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: label {kind}: {error!r}") from error
    if not truth.days:
        raise ScoreError(f"{path}: no label town: is this a file of labels?")
    for asset, parts in fills.items():
        truth.fills[asset] = TrueFill(
            ms(parts[0]["at"]),
            int(parts[0]["step_s"] * 1000),
            settling.get(asset, 0.0),
            np.concatenate([part["fill"] for part in parts]).astype(np.float64),
            np.concatenate([part["gain"] for part in parts]).astype(np.float64),
        )
    for asset, parts in gases.items():
        nh3 = np.concatenate([part["nh3"] for part in parts]).astype(np.float64)
        truth.gas[asset] = ms(parts[0]["at"]), int(parts[0]["step_s"] * 1000), nh3
    return truth
