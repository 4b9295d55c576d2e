"""The pipeline: a batch of messages becomes one change set, for one transaction.

1. read the messages into a parsed batch (`reader`)
2. settle times, find duplicates, check readings: columns (`batch_columns`)
3. change the state (`State.apply`, `live_hooks`): derived readings; levels that
   moved become transitions (`lifecycle`)
4. return the change set of all this, for one commit; acknowledge after it
"""

from typing import NamedTuple

import numpy as np
from xxhash import xxh3_64_intdigest

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.columns import BARE, I64, NO_DEVICE, Columns, Notes, pack
from sensorhub.ingest.batch_columns import build_columns
from sensorhub.ingest.dedup import count_resets
from sensorhub.ingest.downlink_tracker import DownlinkTracker
from sensorhub.ingest.live_hooks import LiveHooks
from sensorhub.ingest.outcomes import add_dead_letters, count_uplinks
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.reader import MessageReader
from sensorhub.ingest.readings import (
    device_clocks,
    fill_levels,
    with_readings,
    without_uplinks,
)
from sensorhub.model import Message, Outcome, Reason
from sensorhub.state.state import State
from sensorhub.store.hot.changeset import ChangeSet, JournalEntry


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
        intervals = self._record_statuses(parsed, change_set, now)
        columns = Columns.empty()
        if parsed.message:
            state, lifecycle = self._state, self._lifecycle
            built = build_columns(state.registry, parsed, received, state)
            parsed.replaced = built.replaced
            parsed.dead += built.unusable
            lifecycle.system.record_clocks(
                *device_clocks(parsed, built.columns.received_at)
            )
            columns = self._apply(parsed, built.stored(), change_set, intervals)
            count_uplinks(parsed, columns, change_set)
            add_dead_letters(parsed, columns, messages, change_set)
        elif intervals:
            notes = Notes(self._state.reception.monitored_ms, [], intervals)
            change_set.journal = JournalEntry(now, 0, pack(columns, notes))
        change_set.writes += self._downlink_tracker.observe(parsed, columns, now)
        if parsed.events:
            change_set.moved["events_received"] += parsed.events
        if parsed.zone_mismatch:
            change_set.moved["zone_mismatches"] += parsed.zone_mismatch
        return Processed(change_set, parsed, columns)

    def dead_letter(self, message: Message, now: int, error: str) -> Processed:
        """Make a dead letter of the one message that breaks the pipeline; alert."""
        parsed = ParsedBatch()
        key = xxh3_64_intdigest(message.topic + message.payload)
        parsed.mark_dead(
            parsed.add_uplink(0, NO_DEVICE, key, BARE), Reason.INTERNAL_ERROR, "", error
        )
        state = self._state
        columns = build_columns(state.registry, parsed, now, state).stored()
        change_set = ChangeSet()
        self._apply(parsed, columns, change_set, [])
        count_uplinks(parsed, columns, change_set)
        add_dead_letters(parsed, columns, [message], change_set)
        topic = message.topic.decode("utf-8", "replace")[:200]
        self._lifecycle.system.set(
            change_set, "internal_error", True, now, 1, about=topic
        )
        return Processed(change_set, parsed, columns)

    def replay(
        self, message: Message, received_at: int, device: str
    ) -> ChangeSet | None:
        """Read a dead letter again; None where it still cannot be read.

        It fills history and is a duplicate when sent again; it raises no alert. Of a
        message with several uplinks only those of the dead letter's `device` count;
        where its device was unknown, those that were not stored yet.
        """
        parsed = self._reader.read([message], received_at)
        if not parsed.message:
            return None
        if len(parsed.message) > 1:
            self._mark_others(parsed, device)
        registry = self._state.registry
        columns = build_columns(registry, parsed, received_at, None).stored()
        columns = without_uplinks(columns, columns.outcome == Outcome.DUPLICATE)
        if not columns.uplinks or (columns.outcome != Outcome.STORED).any():
            return None
        uplink_of = columns.reading_uplink()
        levels = fill_levels(registry, columns, uplink_of)
        columns = with_readings(columns, uplink_of, levels)
        columns.outcome = np.full(columns.uplinks, Outcome.REPLAY, np.uint8)
        change_set = ChangeSet()
        count_uplinks(parsed, columns, change_set)
        self._state.dedup.recent.add(columns.key.tolist())
        body = pack(columns, Notes(self._state.reception.monitored_ms, []))
        change_set.journal = JournalEntry(received_at, columns.uplinks, body)
        return change_set

    def _mark_others(self, parsed: ParsedBatch, device: str) -> None:
        """Mark the uplinks that are not the dead letter's as duplicates."""
        number = self._state.registry.device_no.get(device)
        known = self._state.dedup.recent.keys
        for i, key in enumerate(parsed.key):
            mine = (
                parsed.device[i] == number if number is not None else key not in known
            )
            if not mine:
                parsed.outcome[i] = Outcome.DUPLICATE

    def _record_statuses(
        self, parsed: ParsedBatch, change_set: ChangeSet, now: int
    ) -> list[tuple[int, int]]:
        """Record births and last wills; return the new intervals (device, ms)."""
        registry = self._state.registry
        intervals = []
        change_set.stale += [
            t for t in parsed.alert_topics if not self._lifecycle.fires_topic(t)
        ]
        for device, status, _ in parsed.statuses:
            if status.interval_s is not None:
                every = int(status.interval_s * 1000)
                if registry.tell_interval(device, every):
                    intervals.append((device, every))
            row = (device, status.state, status.firmware, status.interval_s, now)
            change_set.availability.append(row)
        return intervals

    # -- state and alerts --

    def _apply(
        self,
        parsed: ParsedBatch,
        columns: Columns,
        change_set: ChangeSet,
        intervals: list[tuple[int, int]],
    ) -> Columns:
        """Change state and alerts by a batch; the columns with derived readings.

        `intervals` are (device, ms) that devices reported before it.
        """
        state = self._state
        if resets := count_resets(state, columns):
            change_set.moved["seq_reset"] += resets
        covered = state.reception.monitored_ms
        notes = Notes(covered, [], intervals, parsed.replaced)
        hooks = LiveHooks(state, self._lifecycle, change_set, notes, parsed.gateways)
        columns, late = state.apply(columns, notes, hooks)
        if late:
            change_set.moved["readings_late"] += late
        first, body = int(columns.received_at[0]), pack(columns, notes)
        change_set.journal = JournalEntry(first, columns.uplinks, body)
        return columns
