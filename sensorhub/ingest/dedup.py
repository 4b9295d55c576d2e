"""Deduplication of a batch: by the windows of the state and within the batch."""

import numpy as np

from sensorhub.columns import BARE, I64, NO_DEVICE, U8, Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import Outcome, Reason
from sensorhub.state.dedup_window import BARE_MS, rising
from sensorhub.state.state import State

# 2^64 over the golden ratio: multiples by device lie over 2^40 apart, so that device
# and seq make one number that is alike only if both are
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def find_duplicates(
    state: State, parsed: ParsedBatch, columns: Columns
) -> tuple[U8, U8]:
    """Outcome and reason of each uplink, with duplicates of the windows marked."""
    recent = state.dedup.recent
    in_ring = state.dedup.in_rings(columns.device, columns.key)
    alone = len(set(parsed.key)) == len(parsed.key)
    known = recent.keys.keys()
    fresh = known.isdisjoint(parsed.key) and recent.bare.keys().isdisjoint(parsed.key)
    if alone and fresh and not in_ring.any():
        return columns.outcome, columns.reason
    outcome, reason, seq = columns.outcome.copy(), columns.reason.copy(), columns.seq
    here: dict[int, int] = {}
    in_rings, received_at = in_ring.tolist(), columns.received_at.tolist()
    for i, (k, now) in enumerate(zip(parsed.key, received_at, strict=True)):
        if outcome[i] == Outcome.DUPLICATE:
            continue
        if seq[i] == BARE:
            before = here.get(k, recent.bare.get(k))
            duplicate = before is not None and now - before < BARE_MS
            duplicate |= i in parsed.redelivered and (k in known or k in here)
        else:
            duplicate = in_rings[i] or k in known or k in here
        if duplicate:
            outcome[i] = Outcome.DUPLICATE
            reason[i] = Reason.SAME_SEQ if seq[i] >= 0 else Reason.SAME_BYTES
        else:
            here[k] = now
    return outcome, reason


def spread_times(state: State, columns: Columns) -> I64:
    """Times of receipt that grow by 1 ms per device and uplink; duplicates keep theirs.

    So no two uplinks of a device have the same time.
    """
    new = columns.outcome != Outcome.DUPLICATE
    known = np.flatnonzero(new & (columns.device != NO_DEVICE))
    mine = columns.device[known]
    first = np.maximum(
        columns.received_at[known], state.reception.last_received[mine] + 1
    )
    received_at = columns.received_at.copy()
    received_at[known] = rising(first, mine)
    return received_at


def count_resets(state: State, columns: Columns) -> int:
    """The same seq with other content is new: a reboot, a wrap, a rejoin."""
    new = (columns.seq >= 0) & (columns.outcome != Outcome.DUPLICATE)
    new &= columns.device != NO_DEVICE
    if not new.any():
        return 0
    device, seq = columns.device[new], columns.seq[new]
    known = (state.dedup.ring_seq[device] == seq[:, None]).any(1)
    pairs = device.astype(np.uint64) * SPREAD + seq.astype(np.uint64)
    pairs = np.sort(pairs[~known])
    again = (pairs[1:] == pairs[:-1]).sum()
    return int(known.sum() + again)
