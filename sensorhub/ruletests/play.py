"""Play a test: feed its uplinks and steps to a hub in virtual time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from sensorhub.backtest import blank
from sensorhub.backtest.virtual import LoadedConfig, VirtualHub
from sensorhub.clock import Clock
from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet import FleetRows, parse_fleet_text
from sensorhub.fleet.times import format_time, parse_time
from sensorhub.model import Message
from sensorhub.rules.schema import read_rules_file
from sensorhub.ruletests.book import RuleTest, ScriptedStep
from sensorhub.ruletests.uplinks import Sent, uplinks
from sensorhub.views.listings import transition_views

LOOK_MS = 250  # how often a live hub checks the time


@dataclass(frozen=True, slots=True)
class FoundTransition:
    """A transition; `at` in ms from the test's start by the hub's clock."""

    at: int
    rule: str
    asset: str
    becomes: str


def play(
    test: RuleTest, rules: str, kit: LoadedConfig, folder: Path
) -> list[FoundTransition]:
    """Play a test with `rules` (text); files of steps are in `folder`."""
    with TemporaryDirectory(prefix="sensorhub-rules-") as name:
        stage = _Stage(test, rules, kit, Path(name), folder)
        try:
            stage.play()
            return [_moved(row, stage.start) for row in stage.transitions()]
        finally:
            stage.hub.close()


def _moved(row: Mapping[str, Any], start: int) -> FoundTransition:
    becomes = "resolved" if row["to"] == "resolved" else row["severity"]
    at = parse_time(row["at"], ZoneInfo("UTC")) - start
    return FoundTransition(at, row["rule"], row["asset"], becomes)


def end_of(test: RuleTest, sent: list[Sent]) -> int:
    """When a test ends, ms from its start."""
    if test.until is not None:
        return test.until
    times = [item.at for item in sent]
    times += [step.at + step.for_ for step in test.steps]
    times += [place.at for place in test.places]
    return max(times, default=0)


class _Stage:
    """A hub, its clock, and the broker's queue while it is away."""

    def __init__(
        self, test: RuleTest, rules: str, kit: LoadedConfig, data: Path, folder: Path
    ) -> None:
        self._test = test
        self._folder = folder
        self.start = int(test.start.timestamp() * 1000)
        self._true = self.start  # ms; no clock's time
        self._stepped = 0
        self._clock = Clock(
            wall=lambda: (self._true + self._stepped) * 1_000_000,
            monotonic=lambda: self._true * 1_000_000,
        )
        fleet = fleet_of(test, self.start, kit.settings.timezone)
        blank.make(data, rules, fleet, self.start, kit.profiles.keys())
        self.hub = VirtualHub(data, kit, self._clock.now())
        self._away_until: int | None = None
        self._running = True
        self._kept: list[Message] = []

    def play(self) -> None:
        """Play everything in order; at the same time steps come first."""
        sent = uplinks(self._test, self.start)
        happens: list[tuple[int, int, ScriptedStep | Sent]] = [
            (step.at, 0, step) for step in self._test.steps
        ]
        happens += [(item.at, 1, item) for item in sent]
        for at, _, what in sorted(happens, key=lambda item: item[:2]):
            self._go(at)
            if isinstance(what, ScriptedStep):
                self._step(what)
            elif self._away_until is not None:
                self._kept.append(what.message)
            else:
                self._take([what.message])
        self._go(end_of(self._test, sent))

    def _take(self, messages: list[Message]) -> None:
        times = np.full(len(messages), self.hub.clock.time, np.int64)
        self.hub.take(times, messages)

    def _go(self, at: int) -> None:
        """Advance the clock to an offset from the start; reconnect when it is due."""
        if self._away_until is not None and self.start + at >= self._away_until:
            self._true, self._away_until = self._away_until, None
            self._back()
        self._true = max(self._true, self.start + at)
        if self._running:
            self.hub.turn(self._clock.now())

    def _back(self) -> None:
        """Reconnect: deliver queued messages first, then count monitored time again."""
        now = self._clock.now()
        if self._running:
            self.hub.turn(now)
        else:
            self.hub.clock.time = now
            self.hub.begin()
            self._running = True
            self.hub.turn(now)
        kept, self._kept = self._kept, []
        if kept:
            self._take(kept)
        self.hub.hearing = True
        self.hub.turn(now + 1)

    # -- steps --

    def _step(self, step: ScriptedStep) -> None:
        if step.do == "clock":
            self._step_clock(step.by)
        elif step.do in ("restart", "kill", "gap"):
            self._leave(step)
        elif step.do == "service":
            self._act("service", {"asset": step.asset, "kind": step.kind})
        else:
            text = read_rules_file(self._folder / str(step.file))
            self._act("rules_file", {"text": text})

    def _leave(self, step: ScriptedStep) -> None:
        if step.do != "gap":
            self.hub.end(kill=step.do == "kill")
            self._running = False
        self.hub.hearing = False
        if self._running:
            self.hub.turn(self._clock.now() + 1)
        self._away_until = self._true + step.for_
        if not step.for_:
            self._go(self._true - self.start)

    def _step_clock(self, by: int) -> None:
        """Step the clock; the time between does not count as monitored."""
        self._stepped += by
        now = self._clock.now()
        if now > self.hub.clock.time:
            self.hub.jump(now)
        self._true += LOOK_MS
        self.hub.turn(self._clock.now())

    def _act(self, kind: str, arguments: dict[str, Any]) -> None:
        result = self.hub.act(kind, arguments)
        if "error" in result:
            fault = Fault(self._test.name, kind, str(result["error"]))
            raise ConfigError([fault])

    def transitions(self) -> Iterator[Mapping[str, Any]]:
        """The hub's transitions of the watched rules."""
        watch = self._test.watch
        for row in transition_views(self.hub.hub.connection):
            if not watch or row["rule"] in watch:
                yield row


def fleet_of(test: RuleTest, start: int, timezone: str) -> FleetRows:
    """The test's assets and devices as a register."""

    def moment(offset: int | None) -> str:
        return "" if offset is None else format_time(start + offset)

    zones = sorted({asset.zone for asset in test.assets})
    tables: list[tuple[str, dict[str, Any]]] = [
        *(("zones", {"id": zone}) for zone in zones),
        *(("sites", {"id": f"{zone}-site", "zone": zone}) for zone in zones),
    ]
    for asset in test.assets:
        asset_row: dict[str, Any] = {
            "id": asset.id,
            "kind": str(asset.kind),
            "site": f"{asset.zone}-site",
            "tags": " ".join(asset.tags),
            "empty_mm": asset.empty_mm,
            "full_mm": asset.full_mm,
            "out_from": moment(asset.out_from),
            "out_until": moment(asset.out_until),
        }
        tables.append(("assets", asset_row))
        for device in asset.mounted:
            interval = device.interval / 1000
            row = {"id": device.id, "profile": "native", "interval_s": interval}
            tables.append(("devices", row))
            times = {"from": moment(device.from_), "until": moment(device.until)}
            mounting = {"device": device.id, "asset": asset.id, **times}
            tables.append(("mountings", mounting))
    rows = parse_fleet_text(_toml(tables), f"{test.name}.toml", ZoneInfo(timezone))
    if rows.faults:
        raise ConfigError(rows.faults)
    return rows


def _toml(tables: list[tuple[str, dict[str, Any]]]) -> str:
    """Tables as TOML, whose plain strings and numbers are JSON's."""
    parts = []
    for name, values in tables:
        lines = [
            f"{key} = {msgspec.json.encode(value).decode()}"
            for key, value in values.items()
            if value is not None and value != ""
        ]
        parts.append("\n".join((f"[[{name}]]", *lines)))
    return "\n".join(parts)
