"""Transactions: one that writes, one that reads, and whether others have written."""

from collections.abc import Iterator
from contextlib import contextmanager

from sensorhub.store import Connection


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what the block writes; undo all of it where the block raises.

    Takes the write lock first, so that what the block reads holds until the
    commit. Raises OperationalError where the lock cannot be had or the commit
    fails; nothing is written then.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back itself
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Let all reads of the block see one consistent state."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def commits_of_others(connection: Connection) -> int:
    """A number that changes when another connection commits."""
    row = connection.execute("PRAGMA data_version").fetchone()
    return int(row[0])
