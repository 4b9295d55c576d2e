"""A data folder for a hub that never was: rules, a register, and nothing else."""

from collections.abc import Collection
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sensorhub.fleet import FleetRows
from sensorhub.store import database, register, rule_versions
from sensorhub.store.hot.transactions import transaction


@cache
def _empty() -> bytes:
    """An empty database of the present schema."""
    with TemporaryDirectory(prefix="sensorhub-") as name:
        folder = Path(name)
        database.prepare(folder)
        with closing(database.connect(folder)) as connection:
            database.drain_wal(connection)
        return (folder / database.FILE).read_bytes()


def make(
    folder: Path, rules: str, rows: FleetRows, now: int, profiles: Collection[str]
) -> None:
    """Put a database into `folder`: rules by `file`, and the register as of `now`.

    Raises ConfigError where the register is unsound.
    """
    (folder / database.FILE).write_bytes(_empty())
    connection = database.connect(folder)
    try:
        with transaction(connection):
            rule_versions.add(connection, rules, "file", now)
            register.import_rows(connection, rows, now, profiles)
    finally:
        connection.close()
