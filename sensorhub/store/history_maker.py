"""The thread that makes history from the journal, beside the running hub.

It reads by a connection of its own and writes by jobs that the pipeline's thread
runs in its transactions. All it knows stands in the database: a crash at any
moment repeats at most one piece of work.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from sensorhub.config.keeping import RetentionSettings
from sensorhub.config.settings import HistorySettings
from sensorhub.store import (
    Connection,
    compaction,
    forwarding,
    reclaim,
    retention,
    rollup_maker,
    segment_merging,
    segments,
)
from sensorhub.store.backlog import Backlog
from sensorhub.store.database import connect
from sensorhub.store.jobs import HubAccess, JobRunner, LostJobError, WriteJob
from sensorhub.store.retention import OnLettersDeleted
from sensorhub.store.segment_writer import OnDamaged, SegmentWriter

log = structlog.get_logger()

POLL_S = 0.25
TIDY_S = 10.0
ROLL_S = 3600.0  # between looking for blocks without rollups
PAUSE_S = 1.0  # after a failure
REST = 2.0  # rounds rest twice as long as they work: ingest comes first


def _ignore_damage(_connection: Connection, _number: int, _uplinks: int) -> None:
    """Report damage to nobody."""


@dataclass(frozen=True, slots=True)
class HistoryHooks:
    """What the history maker reports, and when it must wait.

    `on_damaged(connection, number, uplinks)` is called in the transaction for every
    journal row (or, by a negative number, slice or chunk) that was quarantined;
    `letters_deleted(devices)` for dead letters that retention deleted. While `held()`
    is true, nothing is written.
    """

    on_damaged: OnDamaged = _ignore_damage
    letters_deleted: OnLettersDeleted = lambda _devices: None
    held: Callable[[], bool] = lambda: False


class HistoryMaker:
    """Turns the journal into segments, chunks and rollups, and frees space.

    Segments are made when due and merged where small; old segments become chunks. Days
    of rollups are those of `zone`; `keep` says how long each kind of data is kept.
    """

    def __init__(
        self,
        folder: Path,
        settings: HistorySettings,
        *,
        hub: HubAccess,
        zone: str = "UTC",
        keep: RetentionSettings | None = None,
        hooks: HistoryHooks | None = None,
    ) -> None:
        self._read = connect(folder, read_only=True)
        self._settings = settings
        self._hooks = hooks or HistoryHooks()
        self._now = hub.now
        self._zone = zone
        self._keep = keep or RetentionSettings()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._jobs = JobRunner(hub.submit, self._stopping)
        self._segments = SegmentWriter(
            self._read, self._jobs, hub.now, self._hooks.on_damaged
        )
        self._backlog = Backlog(self._read, settings, hub.now())
        self._steps: Iterator[compaction.CompactionStep] | None = None
        self._in_round: set[int] = set()
        self._unmerged = True
        self._chunk_all = False
        self._tidying: Iterator[WriteJob] | None = None
        self._tidied = 0.0
        self._next_roll = 0.0
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)

    # -- what others call --

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End; what is unfinished is taken up again by the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._read.close()

    @property
    def cursor_lag_uplinks(self) -> int:
        """Uplinks in the journal that history has not passed yet."""
        return self._backlog.uplinks

    def flush(self, timeout_s: float = 60.0) -> bool:
        """Make segments of all that is in the journal now; False if too slow."""
        self._backlog.ask()
        self._wake.set()
        return self._wait(self._backlog.answered, timeout_s)

    def compact(self, timeout_s: float = 3600.0) -> bool:
        """Flush, then make chunks of all segments; False if too slow."""
        if not self.flush(timeout_s):
            return False
        self._chunk_all = True
        self._wake.set()
        return self._wait(
            lambda: not self._chunk_all and self._steps is None, timeout_s
        )

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not done():
            if self._stopping.wait(0.01) or time.monotonic() > deadline:
                return done()
        return True

    # -- the thread --

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = POLL_S
            try:
                if self.step():
                    continue
            except LostJobError as error:
                self._steps = self._tidying = None
                log.info("history_job_lost", error=str(error))
            except Exception:
                # ingest goes on without history, so history must come back, too
                self._steps = self._tidying = None
                log.exception("history_failed")
                pause = PAUSE_S
            self._wake.wait(pause)
            self._wake.clear()

    def step(self) -> bool:
        """Do the most urgent piece of work; False if there was none.

        While `held` (the disk is nearly full) only what gives space back.
        """
        if self._hooks.held():
            return self.tidy()
        return self.make_segment() or self.merge() or self.make_chunks() or self.tidy()

    def make_segment(self) -> bool:
        """A segment, if one is due."""
        if not self._backlog.due(self._now()):
            return False
        cursor = self._backlog.cursor
        segment = segments.make_segment(
            self._read, cursor, self._settings.segment_uplinks
        )
        if segment is not None:
            self._segments.put(segment)
            self._unmerged = True
        self._backlog.renew(self._now())
        return segment is not None

    def merge(self) -> bool:
        """Merge some small segments, if there are many."""
        if not self._unmerged:
            return False
        rows = [
            row for row in segments.load(self._read) if row.id not in self._in_round
        ]
        chosen = segment_merging.to_merge(rows)
        self._unmerged = bool(chosen)
        if chosen:
            self._segments.put(segment_merging.merge(self._read, chosen))
        return bool(chosen)

    def make_chunks(self) -> bool:
        """One step of a round, if one is due or going on."""
        began = time.monotonic()
        if self._steps is None and not self._begin_round():
            return False
        step = next(self._steps, None) if self._steps is not None else None
        if step is None:
            self._steps = None
            self._in_round.clear()
            self._tidied = 0.0
            return True
        self._jobs.do(self._chunk_job(step), lambda: compaction.done(self._read, step))
        if not self._chunk_all:
            self._stopping.wait(REST * (time.monotonic() - began))
        return True

    def tidy(self) -> bool:
        """One step of giving space back; every TIDY_S and after a round."""
        if self._tidying is None:
            if time.monotonic() - self._tidied < TIDY_S:
                return False
            self._tidying = self._tidy_jobs()
        job = next(self._tidying, None)
        if job is None:
            self._tidying = None
            self._tidied = time.monotonic()
            return False
        began = time.monotonic()
        self._jobs.do(job)
        self._stopping.wait(REST * (time.monotonic() - began))
        return True

    # -- how --

    def _tidy_jobs(self) -> Iterator[WriteJob]:
        yield from reclaim.jobs(self._read)
        if time.monotonic() >= self._next_roll:
            self._next_roll = time.monotonic() + ROLL_S
            yield from rollup_maker.jobs(self._read, self._now(), self._zone)
            yield from retention.jobs(
                self._read,
                self._keep,
                self._now(),
                self._hooks.letters_deleted,
                forwarding.needed_from(self._read),
            )

    def _begin_round(self) -> bool:
        rows = compaction.due(
            segments.load(self._read),
            self._now(),
            self._settings.chunk_after_h * 3_600_000,
            self._chunk_all,
        )
        if not rows:
            self._chunk_all = False
            return False
        self._in_round = {row.id for row in rows}
        self._steps = compaction.steps(self._read, rows, self._zone)
        return True

    def _chunk_job(self, step: compaction.CompactionStep) -> WriteJob:
        def write(connection: Connection) -> None:
            for number in compaction.write(connection, step, self._now()):
                self._hooks.on_damaged(connection, number, 0)

        return write
