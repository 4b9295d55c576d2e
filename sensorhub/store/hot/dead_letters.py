"""Dead letters: uplinks that could not be used, kept whole with the reason.

Bounded per device and in total; the oldest are deleted first and counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sensorhub.store import Connection


class DeadLetter(NamedTuple):
    """An uplink kept whole."""

    id: int
    received_at: int
    topic: str
    payload: bytes
    flags: int
    device: str
    reason: str
    detail: str
    replayed_at: int | None


_COLUMNS = "id, received_at, topic, payload, flags, device, reason, detail, replayed_at"


class DeadLetterStore:
    """Counts letters by device in memory, so that bounds need no query."""

    def __init__(self, connection: Connection, per_device: int, total: int) -> None:
        self._per_device = per_device
        self._total = total
        self.recount(connection)

    def recount(self, connection: Connection) -> None:
        """Recount from the database: at the start and after a rollback."""
        self._held: Counter[str] = Counter(
            dict(
                connection.execute(
                    "SELECT device, count(*) FROM dead_letters GROUP BY device"
                )
            )
        )
        self._sum = sum(self._held.values())

    def keep(self, connection: Connection, letters: Sequence[DeadLetter]) -> int:
        """Write letters; returns how many old ones were deleted."""
        connection.executemany(
            "INSERT INTO dead_letters (received_at, topic, payload, flags, device,"
            " reason, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [letter[1:8] for letter in letters],
        )
        self._held.update(letter.device for letter in letters)
        self._sum += len(letters)
        dropped = 0
        for device in {letter.device for letter in letters}:
            over = self._held[device] - self._per_device
            if over > 0:
                dropped += self._drop(connection, over, device)
        if self._sum > self._total:
            dropped += self._drop(connection, self._sum - self._total, None)
        return dropped

    def _drop(self, connection: Connection, count: int, device: str | None) -> int:
        where = "" if device is None else " WHERE device = ?"
        rows = connection.execute(
            f"DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters{where}"
            " ORDER BY id LIMIT ?) RETURNING device",
            (count,) if device is None else (device, count),
        ).fetchall()
        self.forget(name for (name,) in rows)
        return len(rows)

    def forget(self, devices: Iterable[str]) -> None:
        """Subtract removed letters, one entry per letter."""
        gone = Counter(devices)
        for device, count in gone.items():
            self._held[device] -= count
            if self._held[device] <= 0:
                del self._held[device]
        self._sum -= gone.total()


def listing(
    connection: Connection,
    *,
    device: str | None = None,
    reason: str | None = None,
    limit: int = 100,
) -> list[DeadLetter]:
    """The newest letters, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM dead_letters"
        " WHERE (:device IS NULL OR device = :device)"
        " AND (:reason IS NULL OR reason = :reason) ORDER BY id DESC LIMIT :limit",
        {"device": device, "reason": reason, "limit": limit},
    )
    return [DeadLetter(*row) for row in rows]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[DeadLetter]:
    """Letters by id, oldest first; missing ones are left out."""
    found = []
    for id_ in sorted(ids):
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE id = ?",
            (id_,),
        ).fetchone()
        if row:
            found.append(DeadLetter(*row))
    return found


def of_device(connection: Connection, device: str) -> list[DeadLetter]:
    """A device's letters that were not replayed yet, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM dead_letters"
        " WHERE device = ? AND replayed_at IS NULL ORDER BY id",
        (device,),
    )
    return [DeadLetter(*row) for row in rows]


def new_devices(connection: Connection) -> list[tuple[str, int, int, str]]:
    """Unknown devices heard of: id, letters kept, last received_at, last topic."""
    rows = connection.execute(
        "SELECT device, count(*), max(received_at), topic FROM dead_letters"
        " WHERE reason = 'unknown_device' AND replayed_at IS NULL AND device <> ''"
        " GROUP BY device ORDER BY max(received_at) DESC"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def mark_replayed(connection: Connection, ids: Sequence[int], now: int) -> None:
    """Mark letters as replayed."""
    connection.executemany(
        "UPDATE dead_letters SET replayed_at = ? WHERE id = ?",
        [(now, id_) for id_ in ids],
    )


def purge(connection: Connection, device: str | None) -> list[str]:
    """Delete a device's letters, or all; returns one device id per letter."""
    rows = connection.execute(
        "DELETE FROM dead_letters WHERE (:device IS NULL OR device = :device)"
        " RETURNING device",
        {"device": device},
    )
    return [name for (name,) in rows]


def count(connection: Connection, device: str | None) -> int:
    """How many letters of a device, or of all, are kept."""
    row = connection.execute(
        "SELECT count(*) FROM dead_letters WHERE (:device IS NULL OR device = :device)",
        {"device": device},
    ).fetchone()
    return int(row[0])
