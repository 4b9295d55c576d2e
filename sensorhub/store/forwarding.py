"""Progress of forwarding: cursor, rows that left the journal before it, lag.

The forwarder follows the journal. Where the journal had to give way, or where
readings are older than the first start of forwarding, a *gap* says what is sent
from the history instead.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sensorhub.columns import Columns, unpack
from sensorhub.model import Outcome, Quality
from sensorhub.store import Connection
from sensorhub.store.hot import counters, journal
from sensorhub.store.hot.counters import get_meta, set_meta

# keys in `meta`
ON, CURSOR, SEEN = "forward_on", "forward_cursor", "forward_seen_at"
BEGUN = "forward_begun"  # until then no journal row may go
SKIPPED, GAP = "forward_skipped", "forward_gap"
GAPS = (GAP, SKIPPED)
FORWARDED, REFUSED = "readings_forwarded", "readings_refused"
EXPIRED = "readings_expired"  # older than the bucket keeps
LATEST_MS = 30 * 86_400_000  # a reading is at most so much older than its uplink
SLACK_MS = 2_500  # received_at of neighbouring rows overlaps: 1 ms an uplink of a batch
SAMPLE_ROWS = 500
EVER = 2**62


class Gap(msgspec.Struct):
    """Readings received from `since` to `until` (ms), to be sent from history.

    `readings` are not counted as forwarded yet; devices below `device` are done.
    """

    since: int
    until: int
    readings: int
    device: int = 0
    last_row: int = 0


class Dropped(NamedTuple):
    """A journal row that is deleted before it was forwarded."""

    row: int
    since: int
    until: int
    readings: int


def cursor(connection: Connection) -> int:
    """The last journal row that InfluxDB has."""
    return int(get_meta(connection, CURSOR) or 0)


def is_on(connection: Connection) -> bool:
    """Whether the hub forwards."""
    return bool(get_meta(connection, ON))


def park(connection: Connection) -> None:
    """Switch forwarding off: the journal no longer waits for it."""
    if is_on(connection):
        set_meta(connection, ON, "")
        connection.execute("DELETE FROM forward_events")


def adopt(connection: Connection, journal_bytes: int) -> None:
    """Forwarding is on, from where it was; the journal may wait up to so many bytes.

    What went by while it was off becomes a gap, and all transitions are sent.
    """
    if not is_on(connection):
        connection.execute("DELETE FROM forward_events")
        connection.execute(
            "INSERT INTO forward_events (transition_)"
            " SELECT t.id FROM transitions t ORDER BY t.at, t.id"
        )
    set_meta(connection, ON, str(journal_bytes))
    set_meta(connection, BEGUN, "")


def begin(connection: Connection, found: Gap | None) -> None:
    """Forwarding knows what is missing; from now on the journal may give way."""
    if found is not None:
        _skip(connection, found)
    set_meta(connection, BEGUN, "1")


def gap(connection: Connection, key: str = GAP) -> Gap | None:
    """What is being sent from history; with SKIPPED what will be next."""
    text = get_meta(connection, key)
    return msgspec.json.decode(text, type=Gap) if text else None


def set_gap(connection: Connection, value: Gap | None, key: str = GAP) -> None:
    """Remember a gap; None: there is none any more."""
    text = msgspec.json.encode(value).decode() if value else ""
    set_meta(connection, key, text)


def missing(read: Connection) -> Gap | None:
    """What left the journal while nobody forwarded; in one read transaction."""
    after = cursor(read)
    row = read.execute("SELECT id, received_at FROM journal ORDER BY id LIMIT 1")
    oldest, at = row.fetchone() or (after + 1, 0)
    aside = "SELECT count(*) FROM damaged WHERE id > ? AND id < ?"
    (damaged,) = read.execute(aside, (after, oldest)).fetchone()
    if oldest <= after + 1 + damaged:
        return None
    numbers = counters.load(read)
    waiting = sum(
        readings_of(unpack(row.body))
        for row in journal.rows_after(read, after)
        if row.sound
    )
    settled = numbers[FORWARDED] + numbers[REFUSED] + numbers[EXPIRED]
    settled += sum(found.readings for key in GAPS if (found := gap(read, key)))
    readings = numbers["readings_stored"] - settled - waiting
    seen = get_meta(read, SEEN)
    since = int(seen) - SLACK_MS if seen else -EVER
    return Gap(since, at + SLACK_MS, max(0, readings), last_row=oldest - 1)


def open_gap(connection: Connection) -> None:
    """Begin to send what the journal gave up, as it stands in this transaction."""
    found = gap(connection, SKIPPED)
    if found is not None and gap(connection) is None:
        set_gap(connection, found)
        set_meta(connection, CURSOR, str(max(cursor(connection), found.last_row)))
        set_gap(connection, None, SKIPPED)


def advance(
    connection: Connection,
    rows: tuple[int, int],
    seen_at: int,
    moved: Counter[str],
) -> bool:
    """InfluxDB has the journal rows after the first up to the second number.

    False, and nothing is written, where some of them went into a gap meanwhile.
    """
    before, last = rows
    if cursor(connection) != before or gap(connection, SKIPPED) is not None:
        return False
    set_meta(connection, CURSOR, str(last))
    set_meta(connection, SEEN, str(max(seen_at, int(get_meta(connection, SEEN) or 0))))
    counters.add(connection, moved)
    return True


def advance_gap(
    connection: Connection,
    devices: tuple[int, int],
    moved: Counter[str],
    *,
    done: bool,
) -> bool:
    """The gap's devices from the first to below the second number are sent.

    What was refused is not forwarded: it leaves the gap's count.
    """
    found = gap(connection)
    if found is None or found.device != devices[0]:
        return False
    counters.add(connection, moved)
    found.device = devices[1]
    found.readings -= moved[REFUSED] + moved[EXPIRED]
    if done:
        counters.add(connection, Counter({FORWARDED: max(0, found.readings)}))
    set_gap(connection, None if done else found)
    return True


def readings_of(columns: Columns) -> int:
    """Readings of a journal row that are stored and not rejected."""
    mine = (columns.outcome == Outcome.STORED) | (columns.outcome == Outcome.REPLAY)
    kept = mine.repeat(columns.count) & (columns.quality != Quality.REJECTED)
    return int(kept.sum())


# -- the journal gives way --


def settled(connection: Connection) -> bool:
    """Whether the missing readings are known, or forwarding is off."""
    return not is_on(connection) or bool(get_meta(connection, BEGUN))


def journal_limit(read: Connection, limit: int) -> int:
    """Up to which row at most `limit` the journal may go, as far as forwarding cares.

    Rows that wait stay until they take more bytes than was allowed.
    """
    allowed = get_meta(read, ON)
    if not allowed:
        return limit
    if not settled(read):
        return 0
    marks = read.execute("SELECT max(cursor) FROM forward_marks").fetchone()[0]
    held = min(cursor(read), marks or 0)
    (oldest,) = read.execute("SELECT min(id) FROM journal").fetchone()
    held = max(held, (oldest or 0) - 1)
    if limit <= held:
        return limit
    first = _mean(read, f"id > {held} ORDER BY id")
    newest = _mean(read, f"id <= {limit} ORDER BY id DESC")
    each = max(1.0, (first + newest) / 2)
    over = (limit - held) * each - int(allowed)
    return (
        held if over <= 0 else min(limit, held + int(over * 1.1 / each) + 1)
    )  # not again at once


def _mean(read: Connection, where: str) -> float:
    query = f"SELECT length(body) AS n FROM journal WHERE {where} LIMIT {SAMPLE_ROWS}"
    return float(read.execute(f"SELECT avg(n) FROM ({query})").fetchone()[0] or 0)


def dropped(read: Connection, last: int) -> list[Dropped]:
    """Of the journal rows up to `last` those that were not forwarded."""
    if not is_on(read) or cursor(read) >= last:
        return []
    found = []
    for row in journal.rows_after(read, cursor(read)):
        if row.id > last:
            break
        columns = unpack(row.body) if row.sound else Columns.empty()
        at = columns.received_at
        since, until = row.received_at, row.received_at
        if columns.uplinks:
            since, until = int(at.min()), int(at.max())
        found.append(Dropped(row.id, since, until, readings_of(columns)))
    return found


def skip(connection: Connection, last: int, rows: Sequence[Dropped]) -> bool:
    """Rows up to `last` are deleted in the same transaction: history has them.

    False where they must stay: forwarding has begun since `rows` were looked up.
    """
    after = cursor(connection)
    gone = [row for row in rows if row.row > after]
    if not is_on(connection):
        return True
    if not settled(connection) or (after < last and not rows):
        return False
    for row in gone:
        _skip(connection, Gap(row.since, row.until, row.readings, last_row=row.row))
    return True


def _skip(connection: Connection, more: Gap) -> None:
    found = gap(connection, SKIPPED) or Gap(EVER, -EVER, 0)
    found.since = min(found.since, more.since)
    found.until = max(found.until, more.until)
    found.readings += more.readings
    found.last_row = max(found.last_row, more.last_row)
    set_gap(connection, found, SKIPPED)


# -- looking at it --


def oldest_waiting(connection: Connection) -> int | None:
    """received_at (ms) of the oldest uplink that InfluxDB lacks; None for none."""
    if not is_on(connection):
        return None
    found = [g.since for key in GAPS if (g := gap(connection, key))]
    row = connection.execute(
        "SELECT received_at FROM journal WHERE id > ? AND uplinks > 0"
        " ORDER BY id LIMIT 1",
        (cursor(connection),),
    ).fetchone()
    return min([*found, *(row or ())], default=None)


def lag_s(connection: Connection, now: int) -> float | None:
    """How long the oldest uplink (or the database) has waited; None where it is off."""
    if not is_on(connection):
        return None
    oldest = oldest_waiting(connection)
    if oldest is not None and oldest < 0:
        (oldest,) = connection.execute("SELECT min(at) FROM rule_versions").fetchone()
    return 0.0 if oldest is None else round(max(0, now - oldest) / 1000, 3)


def needed_from(connection: Connection) -> int | None:
    """measured_at (ms) from which history must keep readings for forwarding.

    None where nothing waits. Retention asks this before it deletes.
    """
    oldest = oldest_waiting(connection)
    return None if oldest is None else oldest - LATEST_MS
