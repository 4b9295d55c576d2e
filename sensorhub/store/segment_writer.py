"""Write segments by jobs: the slices in parts, then the row that makes them valid."""

from collections.abc import Callable, Iterator
from functools import partial

from sensorhub.store import Connection, segments
from sensorhub.store.hot.damaged_rows import set_aside_row, set_aside_slice
from sensorhub.store.jobs import JobRunner
from sensorhub.store.segments import Segment, SliceRow

PART_BYTES = 200_000  # of slices in one transaction

OnDamaged = Callable[[Connection, int, int], None]


class SegmentWriter:
    """Writes segments, and quarantines the damaged rows found while making them.

    `on_damaged` is called as `HistoryHooks` says.
    """

    def __init__(
        self,
        read: Connection,
        jobs: JobRunner,
        now: Callable[[], int],
        on_damaged: OnDamaged,
    ) -> None:
        self._read = read
        self._jobs = jobs
        self._now = now
        self._on_damaged = on_damaged

    def put(self, segment: Segment) -> None:
        """Write the slices in parts; the segment is valid from the last part on.

        Raises LostJobError if a job was not run or its transaction was undone.
        """
        number = segments.next_number(self._read)
        for part in _parts(segment.slices):
            self._jobs.do(partial(segments.put_slices, number=number, rows=part))

        def write(connection: Connection) -> None:
            if segments.write(connection, number, segment):
                self._set_aside(connection, segment)

        self._jobs.do(write, lambda: segments.written(self._read, segment))

    def _set_aside(self, connection: Connection, segment: Segment) -> None:
        now = self._now()
        for number in segment.damaged:
            if segment.replaces:
                aside = set_aside_slice(connection, number, now)
                self._on_damaged(connection, aside, 0)
                continue
            uplinks = set_aside_row(connection, number, now)
            if uplinks is not None:
                self._on_damaged(connection, number, uplinks)


def _parts(rows: list[SliceRow]) -> Iterator[list[SliceRow]]:
    """Cut slices into parts of about PART_BYTES."""
    part: list[SliceRow] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row.body)
        if size >= PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
