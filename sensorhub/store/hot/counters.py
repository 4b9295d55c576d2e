"""Named counters, committed with the batch that changed them."""

from collections import Counter

from sensorhub.store import Connection

KEPT_FROM = "kept_from"  # key in `meta`
EVER = 2**62


def load(connection: Connection) -> Counter[str]:
    """All counters."""
    return Counter(dict(connection.execute("SELECT name, value FROM counters")))


def add(connection: Connection, moved: Counter[str]) -> None:
    """Add to counters in the caller's transaction."""
    connection.executemany(
        "INSERT INTO counters (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(name, value) for name, value in moved.items() if value],
    )


def get_meta(connection: Connection, key: str) -> str | None:
    """A stored value; None: it was never set."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else None


NAIVE = "forecasts_naive"  # key in `meta`: kinds that go by their last day's rate


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Store a value."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


def kept_from(connection: Connection) -> int:
    """Readings measured before (ms) may be gone from the history; others are not."""
    return int(get_meta(connection, KEPT_FROM) or -EVER)


def drop_meta(connection: Connection, key: str) -> None:
    """Delete a stored value."""
    connection.execute("DELETE FROM meta WHERE key = ?", (key,))
