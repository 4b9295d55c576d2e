"""Versions of the rules: the file's, and later the page's edits."""

import hashlib
from typing import NamedTuple

from sensorhub.store import Connection


class RuleVersion(NamedTuple):
    """One version as kept; `at` in ms."""

    version: int
    at: int
    author: str
    note: str
    text: str


def listing(connection: Connection) -> list[RuleVersion]:
    """All versions, oldest first."""
    rows = connection.execute(
        "SELECT version, at, author, note, text FROM rule_versions ORDER BY version"
    )
    return [RuleVersion(*row) for row in rows]


def get(connection: Connection, version: int) -> RuleVersion | None:
    """One version; None where there is no such."""
    row = connection.execute(
        "SELECT version, at, author, note, text FROM rule_versions WHERE version = ?",
        (version,),
    ).fetchone()
    return RuleVersion(*row) if row else None


def latest(connection: Connection) -> tuple[int, str]:
    """The newest version and its text; (0, "") where there is none."""
    row = connection.execute(
        "SELECT version, text FROM rule_versions ORDER BY version DESC LIMIT 1"
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "")


def checksum_by(connection: Connection, author: str) -> str | None:
    """Checksum of the newest version by `author`."""
    row = connection.execute(
        "SELECT checksum FROM rule_versions WHERE author = ?"
        " ORDER BY version DESC LIMIT 1",
        (author,),
    ).fetchone()
    return str(row[0]) if row else None


def checksum(text: str) -> str:
    """What tells whether a file changed."""
    return hashlib.sha256(text.encode()).hexdigest()


def add(
    connection: Connection, text: str, author: str, now: int, note: str = ""
) -> None:
    """A new version in the caller's transaction."""
    connection.execute(
        "INSERT INTO rule_versions (at, author, checksum, text, note)"
        " VALUES (?, ?, ?, ?, ?)",
        (now, author, checksum(text), text, note),
    )
