"""A hub in virtual time: fed with past messages, its clock advanced between them."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sensorhub.backtest.due import due
from sensorhub.clock import HandClock
from sensorhub.codecs.files import codecs_of
from sensorhub.columns import I64
from sensorhub.config.filling import RoundSettings
from sensorhub.config.settings import Settings
from sensorhub.hub.batch_processor import BatchProcessor, Committed
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.workspace import Workspace, load_all
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.readings import device_clocks
from sensorhub.model import Message
from sensorhub.registry.profiles import Profile
from sensorhub.standards import Standards, load_standards
from sensorhub.store import database
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.store.hot.commands import Command

MOST_BATCH = 4_000
STATUS = b"/status"
OnCommitted = Callable[[int, Committed], None]


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The contents of a settings folder: settings, profiles, standards, codecs."""

    config: Path
    settings: Settings
    profiles: dict[str, Profile]
    standards: Standards

    @classmethod
    def of(cls, config: Path) -> "LoadedConfig":
        """Raises ConfigError with every fault of settings and profiles."""
        settings, profiles = load_all(Workspace(config, Path()))
        return cls(config, settings, profiles, load_standards(config))

    def with_rounds(self, rounds: tuple[RoundSettings, ...]) -> "LoadedConfig":
        """A copy with these rounds."""
        settings = self.settings.model_copy(update={"rounds": rounds})
        return replace(self, settings=settings)


class VirtualHub:
    """The hub of `folder` at the time `start` (ms).

    `on_committed(begin, part)` is called with the messages that were committed
    together: those at `part.places`, counted from `begin` in the list that `take`
    was given.
    """

    def __init__(
        self,
        folder: Path,
        kit: LoadedConfig,
        start: int,
        on_committed: OnCommitted | None = None,
    ) -> None:
        self._folder, self._kit = folder, kit
        self._on_committed = on_committed
        self._begin_at = 0
        self.clock = HandClock(start)
        self.hearing = True
        settings, profiles = kit.settings, kit.profiles
        self._codecs = codecs_of(kit.config, settings, profiles, self.clock.now)
        self.begin()

    def begin(self) -> None:
        """Start the hub from its data folder."""
        kit = self._kit
        configuration = Configuration(
            kit.settings, kit.profiles, kit.standards, self._codecs
        )
        self.hub = Hub(self._folder, configuration, self.clock.now)
        # the database is thrown away: nothing has to survive a power cut
        database.relax_durability(self.hub.connection)
        self.commands = CommandDispatcher(self.hub)
        self.watchdog = Watchdog(self.hub, self.clock.time)
        self._batches = BatchProcessor(self.hub, self._commit)
        self._due = self._ticked = self.clock.time

    def end(self, *, kill: bool) -> None:
        """Stop the hub: cleanly, or as kill -9 would."""
        self._tick(self.clock.time, remember=True)
        if not kill:
            self.hub.checkpoint_all()
        self.hub.close()

    def close(self) -> None:
        """Close the database and the codecs."""
        self.hub.close()
        self._codecs.close()

    def _commit(self, change_set: ChangeSet) -> None:
        change_set.outbox = []  # no notifications about the past
        self.hub.commit(change_set)

    # -- time --

    def turn(self, to: int) -> None:
        """Advance the clock, running the watchdog whenever it can decide something."""
        while self._due <= to:
            self._tick(max(self._due, self.clock.time))
        if to > self._ticked:
            self._tick(to)

    def _tick(self, at: int, *, remember: bool = False) -> None:
        """Run the watchdog once; writes what a kill would lose only if one follows."""
        self.clock.time = self._ticked = at
        real_ms = at if remember else 0
        self._commit(self.watchdog.tick(at, self.hearing, real_ms))
        self._look_ahead()

    def jump(self, to: int) -> None:
        """Step the clock: one watchdog run; the time between is not monitored."""
        hearing, self.hearing = self.hearing, False
        self._tick(to)
        self.hearing = hearing

    def act(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Apply an operator's command; returns its result."""
        command = Command(0, self.clock.time, "operator", kind, arguments)
        result = self.commands.apply(command)
        self._look_ahead()
        return result

    def _look_ahead(self) -> None:
        """Compute when the watchdog decides something next."""
        self._due = due(self.hub, self.watchdog, self._ticked, self.hearing)

    # -- uplinks --

    def take(self, times: I64, messages: list[Message]) -> None:
        """Process messages in the order received, each with its time (ms)."""
        births = [i for i, m in enumerate(messages) if m.topic.endswith(STATUS)]
        at = 0
        while at < len(messages):
            self.turn(int(times[at]))
            self._begin_at = at
            here = births[bisect_left(births, at) :]
            end = self._before_news(messages, here, at, self._end(times, at))
            at += self._batch(times[at:end], messages[at:end])

    def _end(self, times: I64, at: int) -> int:
        """Where a batch ends: no look at the clock within it would decide anything,
        and it is of one day, so that what was learnt counts from the next one on."""
        session = self.hub.session
        limit = session.lifecycle.shortest_limit()
        until = min(self._due, int(times[at]) + limit + 1)
        midnight = session.state.levels.learning.turns_at
        if int(times[at]) < midnight:
            until = min(until, midnight)
        end = int(np.searchsorted(times[at : at + MOST_BATCH], until)) + at
        return max(end, at + 1)

    def _before_news(
        self, messages: list[Message], births: list[int], at: int, end: int
    ) -> int:
        """Where a batch ends for the sake of births: another interval moves deadlines.

        Such a birth is a batch of its own.
        """
        session = self.hub.session
        for place in births[: bisect_left(births, end)]:
            for report in session.reader.read([messages[place]], 0).statuses:
                every = report.status.interval_s
                if every and session.registry.is_news(report.device, int(every * 1000)):
                    return max(place, at + 1)
        return end

    def _batch(self, times: I64, messages: list[Message]) -> int:
        """Take a batch, or what of it comes before the hub's clock is in doubt."""
        hub = self.hub
        parsed: ParsedBatch | None = hub.session.reader.read(messages, times)
        assert parsed is not None
        if parsed.message:  # covered time is counted from a batch's first uplink on
            self.turn(int(times[parsed.message[0]]))
        end = self._end_of_news(parsed, times)
        if end < len(messages):
            times, messages, parsed = times[:end], messages[:end], None
        for part in self._batches.process(messages, times, parsed):
            if self._on_committed is not None:
                self._on_committed(self._begin_at, part)
        self.clock.time = int(times[-1])
        self._look_ahead()
        if hub.session.lifecycle.any_outage():  # these may have changed it
            self._due = min(self._due, self.clock.time + 1)
        return len(messages)

    def _end_of_news(self, parsed: ParsedBatch, times: I64) -> int:
        """How many messages come until the hub's clock is in doubt, or until a device
        speaks whose place is out, which may end that."""
        lifecycle, end = self.hub.session.lifecycle, len(times)
        clocks = device_clocks(parsed, times[parsed.message])
        turn = lifecycle.system.clock_verdict_changes_at(self._ticked, *clocks)
        if turn is not None and turn < times[-1]:
            end = max(1, int(np.searchsorted(times, turn, "right")))
        out = lifecycle.devices_out()
        if out is not None:
            device = np.array(parsed.device, np.intp)
            back = np.flatnonzero((device >= 0) & out[device])
            if len(back):
                end = min(end, parsed.message[int(back[0])] + 1)
        return end
