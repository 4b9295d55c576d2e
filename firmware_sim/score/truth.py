"""Ground-truth labels of a trace as columns by asset."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MOST_H = 72  # horizon of the counterfactual
FULL = 100.0
OPEN_END = 2**62  # end of what has not ended, ms


class ScoreError(Exception):
    """A file that cannot be scored; the text says which, where and why."""


@lru_cache(65_536)
def ms(text: str) -> int:
    """Parse RFC 3339; return epoch ms. Raises ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, one per line. Raises ScoreError."""
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
    """True fill of an asset (%), and its deposits (%) during each step."""

    start: int
    step_ms: int
    settling: float
    fill: F64
    gain: F64

    @property
    def end(self) -> int:
        """End of the labels, epoch ms."""
        return self.start + len(self.fill) * self.step_ms

    def at(self, time: int) -> int:
        """Return the step at a time (epoch ms)."""
        return min(max((time - self.start) // self.step_ms, 0), len(self.fill) - 1)

    def hours_to_full(self, steps: NDArray[np.intp], most_h: int = MOST_H) -> F64:
        """Return hours from steps until it would be full without an emptying.

        0 if it is full; inf if not within `most_h` or before the labels end.
        """
        left = float(np.exp(-self.settling * self.step_ms / HOUR_MS))
        found = np.where(self.fill[steps] >= FULL, 0.0, np.inf)
        gain = np.append(self.gain, np.zeros(most_h * HOUR_MS // self.step_ms + 1))
        level = self.fill[steps].copy()
        for ahead in range(1, most_h * HOUR_MS // self.step_ms + 1):
            level = level * left + gain[steps + ahead]
            reached = (level >= FULL) & np.isinf(found)
            found[reached] = ahead * self.step_ms / HOUR_MS
        return found


class TruePlace(NamedTuple):
    """Where an asset is, and the tags by which rounds name it."""

    zone: str
    gateway: str
    tags: tuple[str, ...]


class TrueEmptying(NamedTuple):
    """An emptying at `at` (ms), and the fill before it, %."""

    at: int
    before: float


class TrueFault(NamedTuple):
    """A fault of a device or gateway; times in ms."""

    kind: str
    asset: str  # or gateway
    begin: int
    end: int


class TrueGas(NamedTuple):
    """Ammonia in a toilet, ppm at each step."""

    start: int
    step_ms: int
    nh3: F64


@dataclass(slots=True)
class GroundTruth:
    """All labels that are scored; times in ms."""

    start: int = 0
    days: int = 0
    offset_ms: int = 0  # local time minus UTC at the start
    weeks: dict[str, F64] = field(
        default_factory=dict
    )  # profile by kind of asset, mean 1
    kinds: dict[str, str] = field(default_factory=dict)
    places: dict[str, TruePlace] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)  # % on a mean day, gross
    fills: dict[str, TrueFill] = field(default_factory=dict)
    emptied: dict[str, list[TrueEmptying]] = field(
        default_factory=lambda: defaultdict(list)
    )
    overflows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    gas: dict[str, TrueGas] = field(default_factory=dict)
    faults: list[TrueFault] = field(default_factory=list)

    @property
    def end(self) -> int:
        """End of the trace, epoch ms."""
        return self.start + self.days * DAY_MS

    def first_overflows(self, asset: str) -> list[tuple[int, int]]:
        """Return the first overflow of each filling, and when that filling began."""
        began = [0, *(at for at, _ in sorted(self.emptied[asset]))]
        found: dict[int, int] = {}
        for at in sorted(self.overflows[asset]):
            cycle = max(x for x in began if x <= at)
            found.setdefault(cycle, at)
        return [(at, cycle) for cycle, at in found.items()]


@dataclass(slots=True)
class _LabelReader:
    """Collects labels; columns of an asset are joined at the end."""

    truth: GroundTruth = field(default_factory=GroundTruth)
    settling: dict[str, float] = field(default_factory=dict)
    fills: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    gases: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def town(self, line: dict[str, Any]) -> None:
        truth = self.truth
        truth.start, truth.days = ms(line["start"]), int(line["days"])
        begin = datetime.fromtimestamp(truth.start / 1000, ZoneInfo(line["timezone"]))
        offset = begin.utcoffset() or timedelta()
        truth.offset_ms = round(offset.total_seconds() * 1000)
        for kind, week in line["profile"].items():
            truth.weeks[kind] = np.array(week, np.float64)

    def asset(self, line: dict[str, Any]) -> None:
        self.settling[line["asset"]] = float(line.get("settling", 0.0))
        self.truth.kinds[line["asset"]] = line["kind"]
        self.truth.places[line["asset"]] = TruePlace(
            line.get("zone", ""), line.get("gateway", ""), tuple(line.get("tags", ()))
        )
        self.truth.rates[line["asset"]] = float(line.get("rate", 0.0))

    def fill(self, line: dict[str, Any]) -> None:
        self.fills[line["asset"]].append(line)

    def gas(self, line: dict[str, Any]) -> None:
        self.gases[line["asset"]].append(line)

    def emptied(self, line: dict[str, Any]) -> None:
        event = TrueEmptying(ms(line["at"]), float(line["before"]))
        self.truth.emptied[line["asset"]].append(event)

    def overflow(self, line: dict[str, Any]) -> None:
        self.truth.overflows[line["asset"]].append(ms(line["at"]))

    def fault(self, line: dict[str, Any]) -> None:
        self._add_fault(line["fault"], line["asset"], line)

    def gateway_down(self, line: dict[str, Any]) -> None:
        self._add_fault("gateway", line["gateway"], line)

    def _add_fault(self, kind: str, asset: str, line: dict[str, Any]) -> None:
        until = line.get("until")
        end = ms(until) if until else OPEN_END
        self.truth.faults.append(TrueFault(kind, asset, ms(line["at"]), end))

    def finish(self) -> GroundTruth:
        for asset, parts in self.fills.items():
            self.truth.fills[asset] = TrueFill(
                start=ms(parts[0]["at"]),
                step_ms=int(parts[0]["step_s"] * 1000),
                settling=self.settling.get(asset, 0.0),
                fill=_joined(parts, "fill"),
                gain=_joined(parts, "gain"),
            )
        for asset, parts in self.gases.items():
            start, step_ms = ms(parts[0]["at"]), int(parts[0]["step_s"] * 1000)
            self.truth.gas[asset] = TrueGas(start, step_ms, _joined(parts, "nh3"))
        return self.truth


def _joined(parts: list[dict[str, Any]], key: str) -> F64:
    return np.concatenate([part[key] for part in parts]).astype(np.float64)


def read_truth(path: Path) -> GroundTruth:
    """Read the labels that `firmware-sim trace` writes. Raises ScoreError."""
    reader = _LabelReader()
    readers: dict[str, Callable[[dict[str, Any]], None]] = {
        "town": reader.town,
        "asset": reader.asset,
        "fill": reader.fill,
        "gas": reader.gas,
        "emptied": reader.emptied,
        "overflow": reader.overflow,
        "fault": reader.fault,
        "gateway_down": reader.gateway_down,
    }
    for line in lines(path):
        kind = line.get("label")
        try:
            if (read := readers.get(str(kind))) is not None:
                read(line)
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{path}: label {kind}: {error!r}") from error
    if not reader.truth.days:
        raise ScoreError(f"{path}: no label town: is this a file of labels?")
    return reader.finish()
