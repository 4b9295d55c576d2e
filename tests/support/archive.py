"""A small hub around the history: one writer, and what reads must answer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensorhub.clock import HandClock
from sensorhub.columns import Columns, Notes, pack
from sensorhub.config.keeping import RetentionSettings
from sensorhub.config.settings import HistorySettings
from sensorhub.model import Outcome
from sensorhub.store.database import connect
from sensorhub.store.history import DeviceSpan, read
from sensorhub.store.history_maker import HistoryHooks, HistoryMaker
from sensorhub.store.hot import journal
from sensorhub.store.jobs import HubAccess, WriteJob
from sensorhub.store.readings import Readings

START = 1_795_000_000_000
SETTINGS = HistorySettings(segment_s=1, segment_uplinks=1000, chunk_after_h=0.001)
EVER_KEPT = RetentionSettings(readings_d=10**5, hours_d=10**5, days_d=10**5)
ROW = (
    *("measured_at", "device", "code", "value"),
    *("received_at", "quality", "quality_reason"),
)


class CrashError(Exception):
    """The hub dies here."""


@dataclass
class Hub:
    """The one writer: appends batches and runs jobs, as long as it lives."""

    folder: Path
    clock: HandClock = field(default_factory=lambda: HandClock(START))
    crash_in: int = 0
    undo_in: int = 0
    expected: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)
    taken: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)
    zone: str = "UTC"
    keep: RetentionSettings = EVER_KEPT

    def __post_init__(self) -> None:
        self.write = connect(self.folder)
        self.read = connect(self.folder, read_only=True)
        self.maker = self._new_maker()

    def restart(self) -> None:
        """A new process on the same data."""
        self.maker.stop()
        self.maker = self._new_maker()

    def _new_maker(self) -> HistoryMaker:
        return HistoryMaker(
            self.folder,
            SETTINGS,
            hub=HubAccess(self.clock.now, self.submit),
            zone=self.zone,
            keep=self.keep,
            hooks=HistoryHooks(
                lambda _, number, uplinks: self.damaged.append((number, uplinks))
            ),
        )

    def submit(self, job: WriteJob) -> None:
        """Run a job in a transaction, or undo it, or crash around it, as planned."""
        last = abs(self.crash_in) == 1
        before = self.crash_in > 0
        self.crash_in -= (self.crash_in > 0) - (self.crash_in < 0)
        if last and before:
            raise CrashError
        self.undo_in -= 1
        self.write.execute("BEGIN IMMEDIATE")
        job(self.write)
        self.write.execute("COMMIT" if self.undo_in else "ROLLBACK")
        if last:
            raise CrashError

    def append(self, columns: Columns) -> None:
        """Commit a batch, and remember what reads must answer from now on."""
        self.clock.time = max(self.clock.time, int(columns.received_at.max()))
        journal.append(
            self.write,
            received_at=self.clock.time,
            uplinks=columns.uplinks,
            body=pack(columns, Notes()),
            versions="{}",
        )
        uplink_of = columns.reading_uplink()
        for i in range(columns.readings):
            up = uplink_of[i]
            if columns.outcome[up] not in (Outcome.STORED, Outcome.REPLAY):
                continue
            if columns.device[up] < 0:
                continue
            self.taken += 1
            value = columns.value[i] + 0.0
            key = (
                int(columns.measured_at[i]),
                int(columns.device[up]),
                int(columns.code[i]),
                value.tobytes(),
            )
            first = (
                int(columns.received_at[up]),
                int(columns.quality[i]),
                int(columns.quality_reason[i]),
            )
            self.expected[key] = min(first, self.expected.get(key, first))

    def check(self, spans: list[DeviceSpan], since: int, until: int) -> None:
        """A read answers what it must."""
        pages = list(read(self.read, spans=spans, since=since, until=until))
        got = [row for page in pages for row in rows_of(page)]
        wanted = [
            (*key, *first)
            for key, first in self.expected.items()
            if since <= key[0] < until
            and any(s.device == key[1] and s.since <= key[0] < s.until for s in spans)
        ]
        assert sorted(got) == sorted(wanted)
        assert [row[0] for row in got] == sorted(row[0] for row in wanted)

    def close(self) -> None:
        """End."""
        self.maker.stop()
        self.write.close()
        self.read.close()


def rows_of(r: Readings) -> list[tuple[Any, ...]]:
    columns = [getattr(r, name).tolist() for name in ROW]
    columns[3] = [value.tobytes() for value in r.value]
    return list(zip(*columns, strict=True))


def columns_of(batch: list[Any], now: int) -> Columns:
    flat = [reading for _, _, many in batch for reading in many]
    count = np.array([len(many) for _, _, many in batch], np.int32)
    received_at = now + np.arange(len(batch), dtype=np.int64)
    offset = np.array([reading[2] for reading in flat], np.int64)
    quality = np.array([reading[3] for reading in flat], np.uint8)
    return Columns(
        device=np.array([device for device, _, _ in batch], np.int32),
        key=np.zeros(len(batch), np.uint64),
        seq=np.zeros(len(batch), np.int64),
        received_at=received_at,
        outcome=np.array([outcome for _, outcome, _ in batch], np.uint8),
        reason=np.zeros(len(batch), np.uint8),
        count=count,
        code=np.array([reading[0] for reading in flat], np.uint8),
        value=np.array([reading[1] for reading in flat], np.float64),
        # to the second: so the same reading comes again now and then
        measured_at=(np.repeat(received_at, count) + offset) // 1000 * 1000,
        quality=quality,
        quality_reason=quality * 40,
    )
