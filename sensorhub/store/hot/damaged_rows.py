"""Quarantine of rows that fail their checksum, with all their bytes.

Journal rows keep their number; slices and chunks get negative ones.
"""

from sensorhub.store import Connection


def set_aside_row(connection: Connection, row: int, now: int) -> int | None:
    """Quarantine a journal row; returns its uplinks, or None if it was done before.

    The newest row stays in the journal until another follows, since its number
    would be given again; whoever reads it must look whether it is set aside.
    """
    done = connection.execute(
        "INSERT INTO damaged (id, found_at, uplinks, checksum, body)"
        " SELECT id, ?, uplinks, checksum, body FROM journal WHERE id = ?"
        " ON CONFLICT (id) DO NOTHING RETURNING uplinks",
        (now, row),
    ).fetchall()
    connection.execute(
        "DELETE FROM journal WHERE id = ? AND id < (SELECT max(id) FROM journal)",
        (row,),
    )
    return int(done[0][0]) if done else None


def numbers(connection: Connection) -> set[int]:
    """Numbers of all quarantined rows."""
    return {row[0] for row in connection.execute("SELECT id FROM damaged")}


def set_aside_slice(connection: Connection, number: int, now: int) -> int:
    """Quarantine a copy of a slice; returns its number there."""
    source = "SELECT ?, ?, 0, checksum, body FROM slices WHERE id = ?"
    return _copy(connection, source, (number,), now)


def set_aside_chunk(connection: Connection, device: int, week: int, now: int) -> int:
    """Quarantine a copy of a chunk; returns its number there."""
    source = "SELECT ?, ?, 0, checksum, body FROM chunks WHERE device = ? AND week = ?"
    return _copy(connection, source, (device, week), now)


def _copy(connection: Connection, source: str, key: tuple[int, ...], now: int) -> int:
    (number,) = connection.execute(
        "SELECT min(0, coalesce(min(id), 0)) - 1 FROM damaged"
    ).fetchone()
    connection.execute(
        f"INSERT INTO damaged (id, found_at, uplinks, checksum, body) {source}",
        (number, now, *key),
    )
    return int(number)
