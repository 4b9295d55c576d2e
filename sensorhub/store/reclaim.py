"""Give space back, in small steps: journal rows, leftover slices, free pages."""

from collections.abc import Iterator
from functools import partial

from sensorhub.store import Connection, database, forwarding
from sensorhub.store.jobs import WriteJob
from sensorhub.store.segments import cursor

# twice what the hub's duplicate ring holds: duplicates do not enter it
KEPT_UPLINKS = 131_072
STEP_ROWS = 500
STEP_BYTES = 500_000
STEP_SLICES = 40
STEP_PAGES = 64
MOST_STEPS = 1000
FREE_PAGES = 4096  # the journal takes these again: no need to give them back


def jobs(read: Connection) -> Iterator[WriteJob]:
    """Everything there is to give back, step by step."""
    while job := sweep(read):
        yield job
    limit = passed(read)
    while limit and forwarding.settled(read) and (job := trim_journal(read, limit)):
        yield job
    for _ in range(MOST_STEPS):
        if not (job := vacuum(read)):
            return
        yield job


def passed(read: Connection) -> int:
    """The journal row up to which nobody needs the journal any more.

    History, the oldest checkpoint and (up to a size) the forwarder have passed it,
    and the uplinks after it fill the duplicate ring. 0 where there is no checkpoint:
    the fold needs all.
    """
    (checkpoint,) = read.execute("SELECT min(cursor) FROM checkpoints").fetchone()
    limit = forwarding.journal_limit(read, min(cursor(read), checkpoint or 0))
    (oldest,) = read.execute("SELECT min(id) FROM journal").fetchone()
    if oldest is None or oldest > limit:
        return 0
    row = read.execute(
        "SELECT id FROM (SELECT id, sum(uplinks) OVER (ORDER BY id DESC) AS kept"
        " FROM journal) WHERE kept >= ? ORDER BY id DESC LIMIT 1",
        (KEPT_UPLINKS,),
    ).fetchone()
    return min(limit, row[0] - 1) if row else 0


def trim_journal(read: Connection, limit: int) -> WriteJob | None:
    """Delete some of the oldest rows up to `limit`; None where there are none."""
    rows = read.execute(
        "SELECT id, length(body) FROM journal WHERE id <= ? ORDER BY id LIMIT ?",
        (limit, STEP_ROWS),
    ).fetchall()
    size, last = 0, None
    for id_, length in rows:
        size += length
        if last is not None and size > STEP_BYTES:
            break
        last = id_
    if last is None:
        return None
    lost = forwarding.dropped(read, last)
    return lambda connection: _delete_rows(connection, last, lost)


def _delete_rows(
    connection: Connection, last: int, lost: list[forwarding.Dropped]
) -> None:
    if not forwarding.skip(connection, last, lost):
        return
    connection.execute("DELETE FROM journal WHERE id <= ?", (last,))


def sweep(read: Connection) -> WriteJob | None:
    """Delete some slices that no segment counts; None where there are none."""
    row = read.execute(
        "SELECT segment FROM slices EXCEPT SELECT id FROM segments LIMIT 1"
    ).fetchone()
    if row is None:
        return None
    segment = row[0]
    return lambda connection: _delete_slices(connection, segment)


def _delete_slices(connection: Connection, segment: int) -> None:
    connection.execute(
        "DELETE FROM slices WHERE id IN"
        " (SELECT id FROM slices WHERE segment = ? LIMIT ?)"
        " AND segment NOT IN (SELECT id FROM segments)",
        (segment, STEP_SLICES),
    )


def vacuum(read: Connection) -> WriteJob | None:
    """Give some free pages back to the disk; None unless there are very many."""
    free, pages = database.count_pages(read)
    if free <= max(FREE_PAGES, pages // 4):
        return None
    return partial(database.release_pages, most=STEP_PAGES)
