"""Columns of a parsed batch: times settled, duplicates marked, readings checked.

Nothing here changes the state or the parsed batch; all results are returned.
"""

from typing import NamedTuple

import numpy as np

from sensorhub.columns import I64, Columns
from sensorhub.ingest.dedup import find_duplicates, spread_times
from sensorhub.ingest.parsed_batch import DeadUplink, ParsedBatch
from sensorhub.ingest.readings import (
    check_readings,
    find_unusable,
    without_unstored,
)
from sensorhub.ingest.validate import settle_times
from sensorhub.model import Outcome, Reason
from sensorhub.registry.registry import Registry
from sensorhub.state.state import State


class BatchColumns(NamedTuple):
    """The columns of a batch with all its readings, and what was found on the way.

    `replaced` are (uplink, device time in ms) of device times too far off to be used;
    `unusable` are the uplinks without any usable reading.
    """

    columns: Columns
    replaced: list[tuple[int, int]]
    unusable: list[DeadUplink]

    def stored(self) -> Columns:
        """The columns without the readings of uplinks that are not stored."""
        return without_unstored(self.columns)


def build_columns(
    registry: Registry,
    parsed: ParsedBatch,
    received: int | I64,
    windows: State | None,
) -> BatchColumns:
    """Build the columns of a batch received at `received` (ms; or a time a message).

    1. give each uplink its time of receipt
    2. mark duplicates by the state's `windows`, if any
    3. settle `measured_at`, check the readings by range and clock
    4. mark uplinks without usable readings as dead
    """
    columns = _uplink_columns(parsed, received)
    if windows is not None:
        columns.outcome, columns.reason = find_duplicates(windows, parsed, columns)
        columns.received_at = spread_times(windows, columns)
    device_time = np.array(parsed.device_time, np.int64)
    network_time = np.array(parsed.network_time, np.int64)
    measured, wrong = settle_times(device_time, network_time, columns.received_at)
    columns.measured_at = np.repeat(measured, parsed.count)
    checked = check_readings(parsed, columns, wrong)
    columns.measured_at, columns.quality, columns.quality_reason = checked
    unusable = find_unusable(registry, parsed, columns)
    if unusable:
        dead = [item.uplink for item in unusable]
        columns.outcome[dead] = Outcome.DEAD
        columns.reason[dead] = Reason.NOTHING_USABLE
    replaced = [(i, int(device_time[i])) for i in np.flatnonzero(wrong).tolist()]
    return BatchColumns(columns, replaced, unusable)


def _uplink_columns(parsed: ParsedBatch, received: int | I64) -> Columns:
    """The columns as read: no duplicate marked, no time settled, nothing checked."""
    device = np.array(parsed.device, np.int32)
    if isinstance(received, int):
        received_at = np.full(len(device), received, np.int64)
    else:
        received_at = received[parsed.message]
    code = np.frombuffer(parsed.code, np.uint8)
    return Columns(
        device=device,
        key=np.array(parsed.key, np.uint64),
        seq=np.array(parsed.seq, np.int64),
        received_at=received_at,
        outcome=np.frombuffer(parsed.outcome, np.uint8).copy(),
        reason=np.frombuffer(parsed.reason, np.uint8).copy(),
        count=np.array(parsed.count, np.int32),
        code=code,
        value=np.array(parsed.value, np.float64),
        measured_at=np.zeros(len(code), np.int64),
        quality=np.zeros(len(code), np.uint8),
        quality_reason=np.zeros(len(code), np.uint8),
    )
