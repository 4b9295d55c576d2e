"""Run one backtest: files in, alerts and outcomes out."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import numpy as np

from sensorhub.backtest import blank
from sensorhub.backtest.lines import UplinkPart, begins_at, read
from sensorhub.backtest.virtual import LoadedConfig, VirtualHub
from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet import FleetRows
from sensorhub.hub.batch_processor import Committed
from sensorhub.hub.hub import Hub
from sensorhub.hub.outcome_log import EVENT, ends
from sensorhub.model import TOPIC_ROOT
from sensorhub.store import register
from sensorhub.views.listings import transition_views

SUMS = (
    "uplinks_received",
    "uplinks_stored",
    "uplinks_duplicate",
    "uplinks_dead",
    "events_received",
    "readings_stored",
    "readings_rejected",
)


@dataclass(frozen=True, slots=True)
class BacktestTask:
    """A backtest to run: past uplinks, the register, the settings folder."""

    source: Path
    fleet: FleetRows
    kit: LoadedConfig


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """The result: transitions in order of time, and the hub's counters."""

    transitions: list[dict[str, Any]]
    sums: dict[str, int]


def backtest(
    task: BacktestTask,
    rulebooks: Iterable[str],
    *,
    ledger: TextIO | None = None,
    watch: Callable[[Hub], object] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[BacktestResult]:
    """Run each of `rulebooks` (texts of rules.toml) over the same uplinks.

    `watch(hub)` is called once, with the hub of the first rules, before any uplink;
    `progress(n)` gets the number of bytes read. Raises ConfigError.
    """
    start = begins_at(task.source)
    if start is None:
        raise ConfigError([Fault(str(task.source), "file", "holds no line")])
    with TemporaryDirectory(prefix="sensorhub-backtest-") as folder:
        hubs: list[tuple[VirtualHub, _OutcomeWriter | None]] = []
        try:
            for number, rules in enumerate(rulebooks):
                place = Path(folder) / str(number)
                place.mkdir()
                profiles = task.kit.profiles.keys()
                blank.make(place, rules, task.fleet, start, profiles)
                lines = (
                    _OutcomeWriter(ledger)
                    if ledger is not None and not number
                    else None
                )
                on_committed = lines.write if lines else None
                hub = VirtualHub(place, task.kit, start, on_committed)
                hubs.append((hub, lines))
                if watch is not None and not number:
                    watch(hub.hub)
            _feed(task, hubs, progress)
            return [_found(hub) for hub, _ in hubs]
        finally:
            for hub, _ in hubs:
                hub.close()


def _feed(
    task: BacktestTask,
    hubs: "list[tuple[VirtualHub, _OutcomeWriter | None]]",
    progress: Callable[[int], None],
) -> None:
    topics = AssetTopics(hubs[0][0])
    with task.source.open("rb") as raw:
        for part in read(task.source, raw, topics.of):
            for hub, lines in hubs:
                if lines is not None:
                    lines.part = part
                hub.take(part.times, part.messages)
            progress(raw.tell())


def _found(hub: VirtualHub) -> BacktestResult:
    counters = hub.hub.counters
    sums = {name: counters[name] for name in SUMS}
    kinds = hub.hub.session.lifecycle.rule_kinds()
    rows = [
        row | {"kind": kinds.get(row["rule"])}
        for row in transition_views(hub.hub.connection)
    ]
    return BacktestResult(rows, sums)


class AssetTopics:
    """The topic under which a reading of an asset would have been published."""

    def __init__(self, hub: VirtualHub) -> None:
        rows = register.load(hub.hub.connection)
        devices = {device.no: device.id for device in rows.devices.values()}
        assets = {asset.no: asset for asset in rows.assets.values()}
        self._of: dict[str, list[tuple[int | None, int | None, str]]] = {}
        for mounting in rows.mountings.values():
            asset = assets[mounting.asset]
            topic = f"{TOPIC_ROOT}/{asset.zone}/{devices[mounting.device]}/up"
            span = (mounting.from_at, mounting.until_at, topic)
            self._of.setdefault(asset.id, []).append(span)

    def of(self, asset: str, at: int) -> str | None:
        """The topic of the first device mounted there at `at` (ms), if any."""
        for start, end, topic in self._of.get(asset, ()):
            if (start is None or start <= at) and (end is None or at < end):
                return topic
        return None


class _OutcomeWriter:
    """Writes the outcome of each line of the input, in order."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.part = UplinkPart(np.empty(0, np.int64), [], [], [])

    def write(self, begin: int, committed: Committed) -> None:
        """As `virtual.OnCommitted`."""
        found = ends(committed.parsed, committed.columns)
        first, lines = self.part.first, self.part.lines
        self._file.writelines(
            f'{{"line":{line},{end}}}\n'
            for number in range(len(committed.places))
            for place in (begin + committed.places.start + number,)
            for line in range(first[place], first[place] + lines[place])
            for end in found.get(number, (EVENT,))
        )


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """Open a file for writing that appears once it is complete.

    A path that is no regular file (a pipe, /dev/stdout) is written directly.
    """
    if path.exists() and not path.is_file():
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_transitions(file: TextIO, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write transitions, one JSON object per line."""
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
