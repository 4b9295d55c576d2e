"""Doubles of a batch: what came before, in the rings or in the batch itself."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.columns import BARE, I64, NO_DEVICE, Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import Outcome, Reason
from sensorhub.state.dedup_window import BARE_MS, rising
from sensorhub.state.state import State

# 2^64 over the golden ratio: multiples by device lie over 2^40 apart, so that device
# and seq make one number that is alike only if both are
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def find_doubles(
    state: State,
    parsed: ParsedBatch,
    ids: tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64]],
    received_at: I64,
    ends: tuple[NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    """Mark doubles; `ids`: device, key, seq; `ends`: outcome, reason, written."""
    device, key, seq = ids
    outcome, reason = ends
    recent = state.recent
    in_ring = state.in_rings(device, key)
    alone = len(set(parsed.key)) == len(parsed.key)
    known = recent.keys.keys()
    fresh = known.isdisjoint(parsed.key) and recent.bare.keys().isdisjoint(parsed.key)
    if alone and fresh and not in_ring.any():
        return
    here: dict[int, int] = {}
    rung = in_ring.tolist()
    for i, (k, now) in enumerate(zip(parsed.key, received_at.tolist(), strict=True)):
        if outcome[i] == Outcome.DUPLICATE:
            continue
        if seq[i] == BARE:
            before = here.get(k, recent.bare.get(k))
            double = before is not None and now - before < BARE_MS
            double |= i in parsed.dup and (k in known or k in here)
        else:
            double = rung[i] or k in known or k in here
        if double:
            outcome[i] = Outcome.DUPLICATE
            reason[i] = Reason.SAME_SEQ if seq[i] >= 0 else Reason.SAME_BYTES
        else:
            here[k] = now


def spread(state: State, received_at: I64, device: NDArray[np.int32]) -> None:
    """Let received_at grow by 1 ms per device and uplink; doubles take none."""
    last = state.last_received
    known = np.flatnonzero(device != NO_DEVICE)
    mine = device[known]
    first = np.maximum(received_at[known], last[mine] + 1)
    received_at[known] = rising(first, mine)


def count_resets(state: State, columns: Columns) -> int:
    """The same seq with other content is new: a reboot, a wrap, a rejoin."""
    new = (columns.seq >= 0) & (columns.outcome != Outcome.DUPLICATE)
    new &= columns.device != NO_DEVICE
    if not new.any():
        return 0
    device, seq = columns.device[new], columns.seq[new]
    known = (state.ring_seq[device] == seq[:, None]).any(1)
    pairs = device.astype(np.uint64) * SPREAD + seq.astype(np.uint64)
    pairs = np.sort(pairs[~known])
    again = (pairs[1:] == pairs[:-1]).sum()
    return int(known.sum() + again)
