"""A device spoke: a batch of messages becomes one transaction.

1. read the messages into a draft (`intake`)
2. give times, find duplicates, judge values: columns
3. derive: fill level by the asset's geometry, odour rise over the baseline
4. move the state; levels that moved become transitions (`desk`)
5. hand back the ledger of all this, for one commit; acknowledge after it
"""

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from sensorhub.columns import BARE, I64, NO_DEVICE, Columns, Notes, Service, pack
from sensorhub.desk import Desk
from sensorhub.draft import Draft
from sensorhub.intake import Intake
from sensorhub.ledger import JournalDraft, Ledger
from sensorhub.model import (
    BY_NAME,
    Message,
    Outcome,
    Quality,
    Reason,
)
from sensorhub.state import State
from sensorhub.store.dead_letters import DeadLetter
from sensorhub.validate import AHEAD_MS, NO_TIME, beyond, judge, settle_times
from sensorhub.windows import BARE_MS, NEVER, rising

FILL = BY_NAME["fill_level"].no
DISTANCE = BY_NAME["distance"].no
ODOUR_RISE = BY_NAME["odour_rise"].no
# 2^64 over the golden ratio: multiples by device lie over 2^40 apart, so that device
# and seq make one number that is alike only if both are
SPREAD = np.uint64(0x9E3779B97F4A7C15)
# each letter holds its message whole: an array of 1,000 strangers is not kept so often
LETTERS_BYTES = 2**20  # of one message
Watcher = Callable[[Draft, Columns], None]


class Pipeline:
    """Turns batches into ledgers; moves the state as it goes.

    `watch(draft, columns)` sees every batch, for `tail`.
    """

    def __init__(self, state: State, desk: Desk, intake: Intake) -> None:
        self._state = state
        self._desk = desk
        self._intake = intake
        self.watch: Watcher | None = None

    def process(
        self, messages: list[Message], received: int | I64, draft: Draft | None = None
    ) -> Ledger:
        """The ledger of a batch received at `received` (ms).

        Past data have one time a message, in their order. `draft` is given where
        the messages were read already.
        """
        draft = self._intake.read(messages, received) if draft is None else draft
        ledger = Ledger()
        now = received if isinstance(received, int) else int(received[0])
        intervals = self._tell(draft, ledger, now)
        columns = Columns.empty()
        if draft.message:
            columns = self._columns(draft, received)
            columns = self._derive(columns)
            self._move(columns, ledger, (intervals, draft.replaced))
            self._count(draft, columns, ledger)
            self._bury(draft, columns, messages, ledger)
        elif intervals:
            notes = Notes(self._state.covered, [], intervals)
            ledger.journal = JournalDraft(now, 0, pack(columns, notes))
        if self.watch is not None:
            self.watch(draft, columns)
        ledger.jobs += self._intake.obeying.look(draft, columns, now)
        if draft.events:
            ledger.moved["events_received"] += draft.events
        if draft.zone_mismatch:
            ledger.moved["zone_mismatches"] += draft.zone_mismatch
        return ledger

    def bury(self, message: Message, now: int, error: str) -> Ledger:
        """The ledger of the one uplink that breaks the pipeline: dead, and told."""
        draft = Draft()
        key = xxh3_64_intdigest(message.topic + message.payload)
        draft.kill(
            draft.open(0, NO_DEVICE, key, BARE), Reason.INTERNAL_ERROR, "", error
        )
        columns = self._columns(draft, now)
        ledger = Ledger()
        self._move(columns, ledger, ([], []))
        self._count(draft, columns, ledger)
        self._bury(draft, columns, [message], ledger)
        if self.watch is not None:
            self.watch(draft, columns)
        topic = message.topic.decode("utf-8", "replace")[:200]
        self._desk.system(ledger, "internal_error", True, now, 1, about=topic)
        return ledger

    def replay(self, message: Message, received_at: int, device: str) -> Ledger | None:
        """The ledger of a dead letter that can be read now; None where it cannot.

        It fills history and is known again when sent again; it raises nothing. Of a
        message with several uplinks only the dead one's `device` counts; where nobody
        knew whose it was, what is not known yet.
        """
        draft = self._intake.read([message], received_at)
        if not draft.message:
            return None
        if len(draft.message) > 1:
            self._leave_others(draft, device)
        columns = self._columns(draft, received_at, doubles=False)
        columns = _without_uplinks(columns, columns.outcome == Outcome.DUPLICATE)
        if not columns.uplinks or (columns.outcome != Outcome.STORED).any():
            return None
        owner = columns.owner()
        columns = _with_readings(columns, owner, self._fill_levels(columns, owner))
        columns.outcome = np.full(columns.uplinks, Outcome.REPLAY, np.uint8)
        ledger = Ledger()
        self._count(draft, columns, ledger)
        self._state.recent.add(columns.key.tolist())
        body = pack(columns, Notes(self._state.covered, []))
        ledger.journal = JournalDraft(received_at, columns.uplinks, body)
        return ledger

    def _leave_others(self, draft: Draft, device: str) -> None:
        """Mark the uplinks of a message that are not the dead letter's as doubles."""
        number = self._state.registry.device_no.get(device)
        known = self._state.recent.keys
        for i, key in enumerate(draft.key):
            mine = draft.device[i] == number if number is not None else key not in known
            if not mine:
                draft.outcome[i] = Outcome.DUPLICATE

    def _tell(self, draft: Draft, ledger: Ledger, now: int) -> list[tuple[int, int]]:
        """Births and last wills; answers the intervals (device, ms) that are new."""
        registry = self._state.registry
        intervals = []
        ledger.stale += [t for t in draft.states if not self._desk.is_open(t)]
        for device, status, _ in draft.told:
            if status.interval_s is not None:
                told = int(status.interval_s * 1000)
                if registry.tell_interval(device, told):
                    intervals.append((device, told))
            row = (device, status.state, status.firmware, status.interval_s, now)
            ledger.availability.append(row)
        return intervals

    # -- times and duplicates --

    def _columns(
        self, draft: Draft, received: int | I64, *, doubles: bool = True
    ) -> Columns:
        device = np.array(draft.device, np.int32)
        key = np.array(draft.key, np.uint64)
        seq = np.array(draft.seq, np.int64)
        outcome = np.frombuffer(draft.outcome, np.uint8).copy()
        reason = np.frombuffer(draft.reason, np.uint8).copy()
        if isinstance(received, int):
            received_at = np.full(len(device), received, np.int64)
        else:
            received_at = received[draft.message]
        if doubles:
            ends = outcome, reason
            self._find_doubles(draft, (device, key, seq), received_at, ends)
            new = outcome != Outcome.DUPLICATE
            self._spread(received_at, np.where(new, device, NO_DEVICE))
        code = np.frombuffer(draft.code, np.uint8)
        value = np.array(draft.value, np.float64)
        said = np.array(draft.said, np.int64)
        network = np.array(draft.network, np.int64)
        measured, replaced = settle_times(said, network, received_at)
        draft.replaced = [(i, int(said[i])) for i in np.flatnonzero(replaced).tolist()]
        columns = Columns(
            device=device,
            key=key,
            seq=seq,
            received_at=received_at,
            outcome=outcome,
            reason=reason,
            count=np.array(draft.count, np.int32),
            code=code,
            value=value,
            measured_at=np.repeat(measured, draft.count),
            quality=np.zeros(len(code), np.uint8),
            why=np.zeros(len(code), np.uint8),
        )
        self._judge(draft, columns, replaced)
        if doubles:
            self._desk.ahead.note(*clocked(draft, received_at))
        return _without_doubles(columns)

    def _spread(
        self, received_at: NDArray[np.int64], device: NDArray[np.int32]
    ) -> None:
        """Let received_at grow by 1 ms per device and uplink; doubles take none."""
        last = self._state.last_received
        known = np.flatnonzero(device != NO_DEVICE)
        mine = device[known]
        first = np.maximum(received_at[known], last[mine] + 1)
        received_at[known] = rising(first, mine)

    def _find_doubles(
        self,
        draft: Draft,
        ids: tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64]],
        received_at: I64,
        ends: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    ) -> None:
        device, key, seq = ids
        outcome, reason = ends
        recent = self._state.recent
        in_ring = self._state.in_rings(device, key)
        alone = len(set(draft.key)) == len(draft.key)
        known = recent.keys.keys()
        fresh = known.isdisjoint(draft.key) and recent.bare.keys().isdisjoint(draft.key)
        if alone and fresh and not in_ring.any():
            return
        here: dict[int, int] = {}
        rung = in_ring.tolist()
        for i, (k, now) in enumerate(zip(draft.key, received_at.tolist(), strict=True)):
            if outcome[i] == Outcome.DUPLICATE:
                continue
            if seq[i] == BARE:
                before = here.get(k, recent.bare.get(k))
                double = before is not None and now - before < BARE_MS
                double |= i in draft.dup and (k in known or k in here)
            else:
                double = rung[i] or k in known or k in here
            if double:
                outcome[i] = Outcome.DUPLICATE
                reason[i] = Reason.SAME_SEQ if seq[i] >= 0 else Reason.SAME_BYTES
            else:
                here[k] = now

    # -- values --

    def _judge(
        self, draft: Draft, columns: Columns, replaced: NDArray[np.bool_]
    ) -> None:
        """Range and clock of each value; an uplink without any good one is dead."""
        columns.quality, columns.why = judge(columns.code, columns.value)
        if replaced.any():
            late = np.repeat(replaced, columns.count) & (columns.quality == 0)
            columns.quality[late] = Quality.SUSPECT
            columns.why[late] = Reason.CLOCK
        owner = columns.owner()
        if draft.own_time:
            at = np.array(list(draft.own_time), np.intp)
            own = np.array(list(draft.own_time.values()), np.int64)
            here = columns.received_at[owner[at]]
            columns.measured_at[at] = np.where(own == NO_TIME, here, own)
            wrong = at[beyond(columns.measured_at[at], columns.received_at[owner[at]])]
            columns.quality[wrong] = Quality.REJECTED
            columns.why[wrong] = Reason.CLOCK
            fine = np.setdiff1d(at, wrong)
            fine = fine[columns.why[fine] == Reason.CLOCK]
            columns.quality[fine], columns.why[fine] = Quality.OK, Reason.NONE
        good = np.bincount(
            owner[columns.quality != Quality.REJECTED], minlength=columns.uplinks
        )
        empty = (good == 0) & (columns.outcome == Outcome.STORED)
        for i in np.flatnonzero(empty).tolist():
            if draft.sound[i]:
                continue
            names = sorted({Reason(int(w)).word for w in columns.why[owner == i]})
            registry = self._state.registry
            name = registry.device_ids[draft.device[i]]
            draft.kill(i, Reason.NOTHING_USABLE, name, "rejected: " + ", ".join(names))
            columns.outcome[i] = Outcome.DEAD
            columns.reason[i] = Reason.NOTHING_USABLE

    def _derive(self, columns: Columns) -> Columns:
        owner = columns.owner()
        extra = self._fill_levels(columns, owner)
        rises = self._state.smell(columns)
        if rises:
            extra += [(i, ODOUR_RISE, rise) for i, rise in rises]
        return _with_readings(columns, owner, extra) if extra else columns

    def _fill_levels(
        self, columns: Columns, owner: NDArray[np.intp]
    ) -> list[tuple[int, int, float]]:
        """Fill level from distance by the asset's geometry: (reading, code, %)."""
        near = (columns.code == DISTANCE) & (columns.quality != Quality.REJECTED)
        if not near.any():
            return []
        told = np.zeros(columns.uplinks, np.bool_)
        told[owner[columns.code == FILL]] = True
        device = columns.device[owner]
        reading = np.flatnonzero(near & (device != NO_DEVICE) & ~told[owner])
        asset = self._assets_at(device[reading], columns.measured_at[reading])
        reading, asset = reading[asset >= 0], asset[asset >= 0]
        level = self._state.registry.geometry.levels(asset, columns.value[reading])
        known = ~np.isnan(level)
        levels = zip(reading[known].tolist(), level[known].tolist(), strict=True)
        return [(i, FILL, x) for i, x in levels]

    def _assets_at(
        self, device: NDArray[np.int32], at: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        """The assets that devices were mounted on when they measured; -1 for none."""
        registry = self._state.registry
        asset: NDArray[np.int32] = registry.asset_of[device]
        since, until = registry.mounted_from[device], registry.mounted_until[device]
        for i in np.flatnonzero((asset < 0) | (at < since) | (at >= until)).tolist():
            asset[i] = registry.asset_at(int(device[i]), int(at[i]))
        return asset

    # -- state and alerts --

    def _move(
        self,
        columns: Columns,
        ledger: Ledger,
        told: tuple[list[tuple[int, int]], list[tuple[int, int]]],
    ) -> None:
        """Move state and alerts; `told`: intervals, and times that were replaced."""
        state, desk = self._state, self._desk
        owner = columns.owner()
        self._count_resets(columns, ledger)
        state.remember(columns)
        self._heard(columns, ledger)
        services: list[Service] = []
        received = columns.received_at

        def serve(reading: int, service: Service) -> None:
            at = int(received[owner[reading]])
            if desk.serve(ledger, service, "sensor", at):
                services.append(service)

        def decide(reading: int, moved: list) -> None:  # type: ignore[type-arg]
            at = int(received[owner[reading]])
            desk.sample(ledger, moved, at, int(columns.measured_at[reading]))

        late = state.move(columns, None, decide, serve)
        if late:
            ledger.moved["readings_late"] += late
        body = pack(columns, Notes(state.covered, services, *told))
        ledger.journal = JournalDraft(int(received[0]), columns.uplinks, body)

    def _count_resets(self, columns: Columns, ledger: Ledger) -> None:
        """The same seq with other content is new: a reboot, a wrap, a rejoin."""
        state = self._state
        new = (columns.seq >= 0) & (columns.outcome != Outcome.DUPLICATE)
        new &= columns.device != NO_DEVICE
        if new.any():
            device, seq = columns.device[new], columns.seq[new]
            known = (state.ring_seq[device] == seq[:, None]).any(1)
            pairs = device.astype(np.uint64) * SPREAD + seq.astype(np.uint64)
            pairs = np.sort(pairs[~known])
            again = (pairs[1:] == pairs[:-1]).sum()
            if resets := int(known.sum() + again):
                ledger.moved["seq_reset"] += resets

    def _heard(self, columns: Columns, ledger: Ledger) -> None:
        """Devices that were silent and spoke; assets that speak the first time."""
        desk, state = self._desk, self._state
        heard = (columns.device != NO_DEVICE) & (columns.outcome <= Outcome.DEAD)
        heard &= columns.outcome != Outcome.DUPLICATE
        device = columns.device[heard]
        at = columns.received_at[heard]
        assets = state.registry.asset_of[device]
        fresh = (assets >= 0) & (desk.service_at[assets] == NEVER)
        for i in np.flatnonzero(fresh).tolist():
            desk.seen(ledger, int(assets[i]), int(at[i]))
        for silence in desk.silences:
            for number in silence.heard(device):
                first = int(at[np.argmax(device == number)])
                desk.spoke(ledger, silence.rule, number, first)

    # -- counting and burying --

    def _count(self, draft: Draft, columns: Columns, ledger: Ledger) -> None:
        moved = ledger.moved
        ends = np.bincount(columns.outcome, minlength=5)
        moved["uplinks_received"] += int(ends[:3].sum())
        moved["uplinks_stored"] += int(ends[Outcome.STORED])
        moved["uplinks_duplicate"] += int(ends[Outcome.DUPLICATE])
        moved["uplinks_dead"] += int(ends[Outcome.DEAD])
        moved["uplinks_replayed"] += int(ends[Outcome.REPLAY])
        kept = np.repeat(columns.outcome, columns.count)
        mine = (kept == Outcome.STORED) | (kept == Outcome.REPLAY)
        rejected = columns.quality == Quality.REJECTED
        moved["readings_stored"] += int((mine & ~rejected).sum())
        moved["readings_rejected"] += int((mine & rejected).sum())
        for why, n in enumerate(np.bincount(columns.why[mine]).tolist()):
            if why and n:
                moved[f"value_{Reason(why).word}"] += n
        if draft.ignored:
            moved["values_ignored"] += sum(map(len, draft.ignored.values()))
        if columns.reason.any():
            for number, n in Counter(columns.reason.tolist()).items():
                if number:
                    moved[f"uplink_{Reason(number).word}"] += n

    def _bury(
        self,
        draft: Draft,
        columns: Columns,
        messages: list[Message],
        ledger: Ledger,
    ) -> None:
        kept: Counter[int] = Counter()
        for dead in draft.dead:
            i = dead.uplink
            if columns.outcome[i] != Outcome.DEAD:
                continue  # a double of a letter that is kept already
            message = messages[draft.message[i]]
            if kept[draft.message[i]] > LETTERS_BYTES - len(message.payload):
                continue
            kept[draft.message[i]] += len(message.payload)
            letter = DeadLetter(
                0,
                int(columns.received_at[i]),
                message.topic.decode("utf-8", "replace"),
                message.payload,
                message.flags,
                dead.device,
                Reason(int(columns.reason[i])).word,
                dead.detail,
                None,
            )
            ledger.letters.append(letter)


def clocked(
    draft: Draft, received_at: I64
) -> tuple[NDArray[np.int32], I64, NDArray[np.bool_]]:
    """Uplinks with a time of their own: device, received_at, whether ahead of us.

    The device's time, else its network server's.
    """
    said, device = np.array(draft.said, np.int64), np.array(draft.device, np.int32)
    said = np.where(said == NO_TIME, np.array(draft.network, np.int64), said)
    known = (said != NO_TIME) & (device != NO_DEVICE)
    received = received_at[known]
    return device[known], received, said[known] > received + AHEAD_MS


def _without_doubles(columns: Columns) -> Columns:
    """The columns without the readings of uplinks that are not stored."""
    keep = np.repeat(columns.outcome, columns.count) == Outcome.STORED
    if keep.all():
        return columns
    columns.count[columns.outcome != Outcome.STORED] = 0
    for name in ("code", "value", "measured_at", "quality", "why"):
        setattr(columns, name, getattr(columns, name)[keep])
    return columns


def _without_uplinks(columns: Columns, gone: NDArray[np.bool_]) -> Columns:
    """The columns without some uplinks that have no readings."""
    if gone.any():
        per_uplink = ("device", "key", "seq", "received_at")
        for name in (*per_uplink, "outcome", "reason", "count"):
            setattr(columns, name, getattr(columns, name)[~gone])
    return columns


def _with_readings(
    columns: Columns, owner: NDArray[np.intp], extra: list[tuple[int, int, float]]
) -> Columns:
    """The columns with derived readings put behind their uplink's own."""
    source = np.array([item[0] for item in extra], np.intp)
    code = np.array([item[1] for item in extra], np.uint8)
    value = np.array([item[2] for item in extra], np.float64)
    quality, why = judge(code, value)
    why[(code == FILL) & (quality == Quality.REJECTED)] = Reason.GEOMETRY
    suspect = (quality == 0) & (columns.quality[source] == Quality.SUSPECT)
    quality[suspect] = Quality.SUSPECT
    why[suspect] = columns.why[source][suspect]
    owners = np.concatenate((owner, owner[source]))
    order = np.argsort(owners, kind="stable")
    columns.code = np.concatenate((columns.code, code))[order]
    columns.value = np.concatenate((columns.value, value))[order]
    times = np.concatenate((columns.measured_at, columns.measured_at[source]))
    columns.measured_at = times[order]
    columns.quality = np.concatenate((columns.quality, quality))[order]
    columns.why = np.concatenate((columns.why, why))[order]
    columns.count = np.bincount(owners, minlength=columns.uplinks).astype(np.int32)
    return columns
