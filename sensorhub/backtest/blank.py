"""Create a data folder with rules and a register, and nothing else."""

from collections.abc import Collection
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sensorhub.fleet import FleetRows
from sensorhub.store import database, migration, register, rule_versions
from sensorhub.store.hot.transactions import transaction


@cache
def _empty() -> bytes:
    """An empty database of the current schema."""
    with TemporaryDirectory(prefix="sensorhub-") as name:
        folder = Path(name)
        migration.prepare(folder)
        with closing(database.connect(folder)) as connection:
            database.drain_wal(connection)
        return (folder / database.FILE).read_bytes()


def make(
    folder: Path, rules: str, rows: FleetRows, now: int, profiles: Collection[str]
) -> None:
    """Create a database in `folder` with rules and the register as of `now`.

    Raises ConfigError if the register is invalid.
    """
    (folder / database.FILE).write_bytes(_empty())
    connection = database.connect(folder)
    try:
        with transaction(connection):
            rule_versions.add(connection, rules, "file", now)
            register.import_rows(connection, rows, now, profiles)
    finally:
        connection.close()
