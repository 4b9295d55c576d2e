"""What is brought to InfluxDB, piece by piece: lines first, then the cursor.

A crash in between sends some lines again, which overwrite themselves.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from sensorhub.columns import unpack
from sensorhub.forward.influx import WriteResult
from sensorhub.forward.lines import (
    LineHeads,
    lines_of,
    readings_of,
    service_lines,
    transition_lines,
)
from sensorhub.forward.point_times import PointTimes
from sensorhub.model import NEVER, Quality
from sensorhub.store import Connection, forward_queue, forwarding, history
from sensorhub.store.hot import journal
from sensorhub.store.hot.counters import get_meta
from sensorhub.store.hot.transactions import snapshot
from sensorhub.store.jobs import JobRunner, WriteJob
from sensorhub.store.readings import Readings, join

log = structlog.get_logger()

BATCH_READINGS = 20_000
MARKS_UPLINKS = 50_000  # what a start may have to look through again
EVENTS = 1_000
DEVICES = 50  # of a gap, at one time,
MOST_DEVICES = 1_000  # and before it is remembered
AHEAD_MS = 300_000  # a device's clock may be so far ahead of ours

Send = Callable[[list[str]], WriteResult]


class _Batch(NamedTuple):
    """Journal rows after `before` up to `last` as lines."""

    before: int
    last: int
    seen_at: int
    uplinks: int
    readings: int
    lines: list[str]


class BatchSender:
    """Finds what InfluxDB lacks, and remembers what it has.

    `send(lines)` writes them or raises; `now()` is the hub's time in ms.
    """

    def __init__(
        self,
        read: Connection,
        jobs: JobRunner,
        heads: LineHeads,
        *,
        send: Send,
        now: Callable[[], int],
    ) -> None:
        self._read = read
        self._jobs = jobs
        self._heads = heads
        self._send = send
        self._now = now
        self._places = PointTimes(self._look)
        self._marked = 0  # uplinks since the marks were saved
        self._held: _Batch | None = None  # made, and not taken yet

    # -- where we are --

    def begin(self, journal_bytes: int) -> None:
        """Take up where the last run was; the journal may wait up to so many bytes."""
        self._jobs.do(
            lambda c: forwarding.adopt(c, journal_bytes),
            lambda: get_meta(self._read, forwarding.BEGUN) == "",
        )
        found = self._missing()
        self._jobs.do(
            lambda c: forwarding.begin(c, found),
            lambda: bool(get_meta(self._read, forwarding.BEGUN)),
        )
        self._take_marks()

    def _missing(self) -> forwarding.Gap | None:
        with snapshot(self._read):
            return forwarding.missing(self._read)

    def _take_marks(self) -> None:
        """The marks as of the cursor: those saved, and what was sent since."""
        after = forwarding.cursor(self._read)
        saved = forward_queue.load_marks(self._read)
        seen = get_meta(self._read, forwarding.SEEN)
        oldest = next(journal.rows_after(self._read, 0, 1), None)
        if saved is None or (oldest and oldest.id > saved[0] + 1):
            unknown = NEVER if seen is None else int(seen) + AHEAD_MS
            self._places = PointTimes(self._look, unknown)
            return
        self._places = PointTimes(self._look)
        self._places.load(saved[1])
        for row in journal.rows_after(self._read, saved[0]):
            if row.id > after:
                break
            if row.sound:
                self._places.place(readings_of(unpack(row.body)))
                self._marked += row.uplinks

    def marks_job(self) -> WriteJob:
        """Writes the marks as of the cursor."""
        cursor, body = forwarding.cursor(self._read), self._places.dump()
        return partial(forward_queue.save_marks, cursor=cursor, body=body)

    def _look(self, spans: Sequence[history.DeviceSpan]) -> Readings:
        pages = history.read(
            self._read,
            spans=spans,
            since=min(span.since for span in spans),
            until=max(span.until for span in spans),
        )
        return join(list(pages))

    # -- pieces of work --

    def step(self) -> bool:
        """Bring the most urgent piece; False where there was none."""
        self._heads.fresh()
        return self.gap() or self.rows() or self.events() or self.letters()

    def rows(self) -> bool:
        """Some journal rows."""
        before = forwarding.cursor(self._read)
        batch = self._held
        if batch is None or batch.before != before:
            batch = self._held = self._next_rows(before)
        if batch is None:
            return False
        result = self._send(batch.lines)
        moved = _moved(batch.readings, result)
        ends, seen_at = (before, batch.last), batch.seen_at

        def write(connection: Connection) -> None:
            if forwarding.advance(connection, ends, seen_at, moved):
                forward_queue.keep(connection, result.letters, self._now())

        self._jobs.do(write, lambda: forwarding.cursor(self._read) != before)
        self._held = None
        self._mark(batch.uplinks)
        return True

    def _next_rows(self, before: int) -> _Batch | None:
        """The next journal rows as lines; None where there are none."""
        last, seen_at, uplinks, size = before, 0, 0, 0
        parts: list[Readings] = []
        for row in journal.rows_after(self._read, before, 50):
            last, uplinks = row.id, uplinks + row.uplinks
            if row.sound and row.uplinks:
                columns = unpack(row.body)
                seen_at = max(seen_at, int(columns.received_at.max()))
                parts.append(readings_of(columns))
                size += len(parts[-1])
            if size >= BATCH_READINGS:
                break
        if last == before:
            return None
        lines = self._lines(join(parts))
        return _Batch(before, last, seen_at, uplinks, size, lines)

    def _mark(self, uplinks: int) -> None:
        self._marked += uplinks
        if self._marked >= MARKS_UPLINKS:
            self._jobs.do(self.marks_job())
            self._marked = 0

    def _lines(self, found: Readings) -> list[str]:
        placed, shift = self._places.place(found)
        return lines_of(placed, shift, self._heads)

    def gap(self) -> bool:
        """Some devices of what left the journal, from the history."""
        found = forwarding.gap(self._read)
        if found is None:
            return self._next_gap()
        first = behind = found.device
        last = min(len(self._heads.fresh().device_ids), first + MOST_DEVICES)
        done = last < first + MOST_DEVICES
        result, size = WriteResult(), 0
        while behind <= last and size < BATCH_READINGS:
            for part in self._past(found, range(behind, behind + DEVICES)):
                some = self._send(self._lines(part))
                result.letters += some.letters
                result.expired += some.expired
                size += len(part)
            behind += DEVICES
        done &= behind > last
        moved = _moved(0, result)

        def write(connection: Connection) -> None:
            ends = (first, behind)
            if forwarding.advance_gap(connection, ends, moved, done=done):
                forward_queue.keep(connection, result.letters, self._now())

        self._jobs.do(write, lambda: forwarding.gap(self._read) != found)
        return True

    def _next_gap(self) -> bool:
        skipped = forwarding.gap(self._read, forwarding.SKIPPED)
        if skipped is None:
            return False
        log.info("forwarding_from_history", readings=skipped.readings)
        self._jobs.do(
            forwarding.open_gap,
            lambda: forwarding.gap(self._read) is not None,
        )
        return True

    def _past(self, found: forwarding.Gap, devices: range) -> Iterator[Readings]:
        """What these devices sent in a gap, by device, uplink and time."""
        spans = [history.DeviceSpan(device) for device in devices]
        since = max(found.since - forwarding.LATEST_MS, -forwarding.EVER)
        pages = history.read(
            self._read, spans=spans, since=since, until=found.until + AHEAD_MS
        )
        for page in pages:
            mine = (page.received_at >= found.since) & (page.received_at <= found.until)
            mine &= page.quality != Quality.REJECTED
            part = page.take(mine).by_uplink()
            for first in range(0, len(part), BATCH_READINGS):
                yield part.take(slice(first, first + BATCH_READINGS))

    def events(self) -> bool:
        """Some transitions, or some services."""
        registry = self._heads.fresh()
        rows = forward_queue.events(self._read, EVENTS)
        if rows:
            lines = transition_lines(rows, registry)
            sent, last = forward_queue.events_sent, rows[-1].no
        else:
            served = forward_queue.services(self._read, EVENTS)
            if not served:
                return False
            lines = service_lines(served, registry)
            sent, last = forward_queue.services_sent, served[-1].id
        result = self._send(lines)

        def write(connection: Connection) -> None:
            sent(connection, last, len(lines) - len(result.letters))
            forward_queue.keep(connection, result.letters, self._now())

        self._jobs.do(write, lambda: not self._waits(rows))
        return True

    def _waits(self, rows: Sequence[forward_queue.EventRow]) -> bool:
        first = forward_queue.events(self._read, 1) if rows else []
        return bool(first) and first[0].no <= rows[-1].no

    def letters(self) -> bool:
        """Refused lines that somebody wants tried again."""
        tried = forward_queue.letters(self._read, EVENTS, retry=True)
        if not tried:
            return False
        refused: dict[int, str] = {}
        moved: Counter[str] = Counter()
        for row in tried:
            result = self._send([row.line])
            if result.letters:
                refused[row.id] = result.letters[0].reason
                continue
            moved[forwarding.REFUSED] -= row.readings
            gone = forwarding.EXPIRED if result.expired else forwarding.FORWARDED
            moved[gone] += row.readings
        self._jobs.do(
            lambda c: forward_queue.settle(c, tried, refused, moved),
            lambda: not forward_queue.letters(self._read, 1, retry=True),
        )
        return True


def _moved(readings: int, result: WriteResult) -> Counter[str]:
    """Counters of a batch with so many readings."""
    refused, expired = result.refused, result.expired
    forwarded = readings - refused - expired
    return Counter(
        {
            forwarding.FORWARDED: max(0, forwarded),
            forwarding.REFUSED: refused,
            forwarding.EXPIRED: expired,
        }
    )
