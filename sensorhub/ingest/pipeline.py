"""A device spoke: a batch of messages becomes one transaction.

1. read the messages into a draft (`reader`)
2. give times, find duplicates, judge values: columns
3. derive: fill level by the asset's geometry, what signs tell (`signs`)
4. move the state; levels that moved become transitions (`lifecycle`)
5. hand back the ledger of all this, for one commit; acknowledge after it
"""

from typing import NamedTuple

import numpy as np
from xxhash import xxh3_64_intdigest

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.columns import BARE, I64, NO_DEVICE, Columns, Notes, Service, pack
from sensorhub.ingest.batch_columns import build_columns
from sensorhub.ingest.dedup import count_resets
from sensorhub.ingest.downlink_tracker import DownlinkTracker
from sensorhub.ingest.live_hooks import LiveHooks
from sensorhub.ingest.outcomes import bury, count, learn_by_day
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.reader import MessageReader
from sensorhub.ingest.readings import (
    clocked,
    fill_levels,
    with_readings,
    without_uplinks,
)
from sensorhub.model import Message, Outcome, Reason
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet, JournalEntry

Pairs = list[tuple[int, int]]
Told = tuple[Pairs, Pairs, dict[int, tuple[str, ...]]]


class Processed(NamedTuple):
    """A batch as processed: what to write, and what its messages held."""

    changes: ChangeSet
    parsed: ParsedBatch
    columns: Columns


class Pipeline:
    """Turns batches into change sets; moves the state as it goes."""

    def __init__(
        self,
        state: State,
        lifecycle: AlertLifecycle,
        reader: MessageReader,
        downlink_tracker: DownlinkTracker,
    ) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._reader = reader
        self._downlink_tracker = downlink_tracker

    def process(
        self,
        messages: list[Message],
        received: int | I64,
        parsed: ParsedBatch | None = None,
    ) -> Processed:
        """Process a batch received at `received` (ms).

        Past data have one time a message, in their order. `parsed` is given where
        the messages were read already.
        """
        parsed = self._reader.read(messages, received) if parsed is None else parsed
        change_set = ChangeSet()
        now = received if isinstance(received, int) else int(received[0])
        intervals = self._tell(parsed, change_set, now)
        columns = Columns.empty()
        if parsed.message:
            state, lifecycle = self._state, self._lifecycle
            built = build_columns(state.registry, parsed, received, state)
            parsed.replaced = built.replaced
            parsed.dead += built.unusable
            lifecycle.system.record_clocks(*clocked(parsed, built.columns.received_at))
            columns, cleanings = self._derive(built.stored())
            told = intervals, parsed.replaced, parsed.via
            self._move(columns, change_set, told, cleanings)
            count(parsed, columns, change_set)
            bury(parsed, columns, messages, change_set)
        elif intervals:
            notes = Notes(self._state.reception.monitored_ms, [], intervals)
            change_set.journal = JournalEntry(now, 0, pack(columns, notes))
        change_set.writes += self._downlink_tracker.observe(parsed, columns, now)
        if parsed.events:
            change_set.moved["events_received"] += parsed.events
        if parsed.zone_mismatch:
            change_set.moved["zone_mismatches"] += parsed.zone_mismatch
        return Processed(change_set, parsed, columns)

    def bury(self, message: Message, now: int, error: str) -> Processed:
        """Make a dead letter of the one message that breaks the pipeline; alert."""
        parsed = ParsedBatch()
        key = xxh3_64_intdigest(message.topic + message.payload)
        parsed.kill(
            parsed.open(0, NO_DEVICE, key, BARE), Reason.INTERNAL_ERROR, "", error
        )
        state = self._state
        columns = build_columns(state.registry, parsed, now, state).stored()
        change_set = ChangeSet()
        self._move(columns, change_set, ([], [], {}), [])
        count(parsed, columns, change_set)
        bury(parsed, columns, [message], change_set)
        topic = message.topic.decode("utf-8", "replace")[:200]
        self._lifecycle.system.set(
            change_set, "internal_error", True, now, 1, about=topic
        )
        return Processed(change_set, parsed, columns)

    def replay(
        self, message: Message, received_at: int, device: str
    ) -> ChangeSet | None:
        """The ledger of a dead letter that can be read now; None where it cannot.

        It fills history and is known again when sent again; it raises nothing. Of a
        message with several uplinks only the dead one's `device` counts; where nobody
        knew whose it was, what is not known yet.
        """
        parsed = self._reader.read([message], received_at)
        if not parsed.message:
            return None
        if len(parsed.message) > 1:
            self._leave_others(parsed, device)
        registry = self._state.registry
        columns = build_columns(registry, parsed, received_at, None).stored()
        columns = without_uplinks(columns, columns.outcome == Outcome.DUPLICATE)
        if not columns.uplinks or (columns.outcome != Outcome.STORED).any():
            return None
        owner = columns.owner()
        levels = fill_levels(registry, columns, owner)
        columns = with_readings(columns, owner, levels)
        columns.outcome = np.full(columns.uplinks, Outcome.REPLAY, np.uint8)
        change_set = ChangeSet()
        count(parsed, columns, change_set)
        self._state.dedup.recent.add(columns.key.tolist())
        body = pack(columns, Notes(self._state.reception.monitored_ms, []))
        change_set.journal = JournalEntry(received_at, columns.uplinks, body)
        return change_set

    def _leave_others(self, parsed: ParsedBatch, device: str) -> None:
        """Mark the uplinks of a message that are not the dead letter's as doubles."""
        number = self._state.registry.device_no.get(device)
        known = self._state.dedup.recent.keys
        for i, key in enumerate(parsed.key):
            mine = (
                parsed.device[i] == number if number is not None else key not in known
            )
            if not mine:
                parsed.outcome[i] = Outcome.DUPLICATE

    def _tell(
        self, parsed: ParsedBatch, change_set: ChangeSet, now: int
    ) -> list[tuple[int, int]]:
        """Births and last wills; answers the intervals (device, ms) that are new."""
        registry = self._state.registry
        intervals = []
        change_set.stale += [
            t for t in parsed.states if not self._lifecycle.fires_topic(t)
        ]
        for device, status, _ in parsed.told:
            if status.interval_s is not None:
                told = int(status.interval_s * 1000)
                if registry.tell_interval(device, told):
                    intervals.append((device, told))
            row = (device, status.state, status.firmware, status.interval_s, now)
            change_set.availability.append(row)
        return intervals

    # -- columns --

    def _derive(self, columns: Columns) -> tuple[Columns, Pairs]:
        """Add derived readings; also the cleanings that show: (uplink, ms)."""
        owner = columns.owner()
        extra = fill_levels(self._state.registry, columns, owner)
        found = self._state.health.observe(columns)
        found.mark(columns)
        extra += found.derived
        if extra:
            columns = with_readings(columns, owner, extra)
        return columns, found.cleanings

    # -- state and alerts --

    def _move(
        self,
        columns: Columns,
        change_set: ChangeSet,
        told: Told,
        cleanings: Pairs,
    ) -> None:
        """Move state and alerts; `told`: intervals, times replaced, gateways."""
        state, lifecycle = self._state, self._lifecycle
        if resets := count_resets(state, columns):
            change_set.moved["seq_reset"] += resets
        state.remember(columns)
        via = self._via(columns, told[2])
        self._heard(columns, change_set)
        received = columns.received_at
        hooks = LiveHooks(state, lifecycle, change_set)
        taught = learn_by_day(state.levels.teaching, columns, change_set)
        late = state.readings.process(columns, hooks)
        for uplink, at in cleanings:
            asset = state.registry.asset_at(int(columns.device[uplink]), at)
            service = Service(asset, "cleaned", at)
            if asset >= 0:
                hooks.serve(service, int(received[uplink]))
        if late:
            change_set.moved["readings_late"] += late
        notes = Notes(
            state.reception.monitored_ms,
            hooks.services,
            told[0],
            told[1],
            via,
            [],
            taught.usage,
            taught.naive,
        )
        body = pack(columns, notes)
        change_set.journal = JournalEntry(int(received[0]), columns.uplinks, body)

    def _via(
        self, columns: Columns, via: dict[int, tuple[str, ...]]
    ) -> list[tuple[int, int]]:
        """Devices that are not heard by the gateway of before: (device, place)."""
        if not via:
            return []
        state, places = self._state, self._state.places
        device_of, twice = columns.device.tolist(), int(Outcome.DUPLICATE)
        outcome, found = columns.outcome.tolist(), []
        for uplink, ids in via.items():
            device = device_of[uplink]
            if device < 0 or outcome[uplink] == twice:
                continue
            before = state.reception.gateway.item(device)
            if before and before in [places.known("gateway", x) for x in ids]:
                continue
            found.append((device, places.number("gateway", ids[0])))
            state.reception.set_gateways(found[-1:])
        return found

    def _heard(self, columns: Columns, change_set: ChangeSet) -> None:
        """Devices that were silent and spoke; assets that speak the first time."""
        heard = (columns.device != NO_DEVICE) & (columns.outcome <= Outcome.DEAD)
        heard &= columns.outcome != Outcome.DUPLICATE
        device = columns.device[heard]
        at = columns.received_at[heard]
        self._lifecycle.record_uplinks(change_set, device, at)
