"""Create the database, or migrate an older one and keep a copy of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensorhub.errors import StoreError
from sensorhub.store import Connection, OperationalError
from sensorhub.store.database import BEGIN, FILE, connect, copy_into, explain_errors
from sensorhub.store.durable_files import sync_file, sync_folder
from sensorhub.store.folder_lock import Locked, locked

REVISION = "0003"
SCHEMA = Path(__file__).parent / "migrations" / "schema.sql"
MIGRATE_WAIT_S = 10.0
PART = ".part"  # a copy whose migration is not committed yet


def revision_of(connection: Connection) -> str | None:
    """The schema revision; None: the database is empty."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    return str(row[0]) if row else None


def prepare(folder: Path) -> bool:
    """Create or migrate the database in `folder`; True where it was created.

    An older database is kept as a copy. Raises StoreError on a newer schema, and where
    folder or database cannot be used.
    Safe to call from several processes at once, and to be killed at any point: the
    schema changes in one transaction, and the copy gets its name after that.
    """
    with explain_errors(folder):
        return _prepare(folder)


def _prepare(folder: Path) -> bool:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if _current(folder) and not _unnamed(folder):
        return False
    with locked(folder, "migrate.lock", wait_s=30):
        created = False
        if not _current(folder):
            with _alone(folder):
                created = _copied_aside(folder) is None
                if created:
                    _create(folder)
                else:
                    migrate(folder)
        _name_copies(folder)
        return created


def _unnamed(folder: Path) -> list[Path]:
    """Copies of older databases that have no name yet."""
    return sorted(folder.glob(f"sensorhub-*.db{PART}"))


def _name_copies(folder: Path) -> None:
    """Give each copy its name, never one that is taken.

    The schema is the newest: so the migration was committed, and the copy that was
    written before it is whole.
    """
    for part in _unnamed(folder):
        name = part.with_suffix("")
        number = 1
        while name.exists():
            number += 1
            name = part.with_name(f"{part.name.removesuffix(f'.db{PART}')}-{number}.db")
        part.rename(name)
        sync_folder(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the hub's lock: no hub may run while the schema changes."""
    try:
        with locked(folder, wait_s=MIGRATE_WAIT_S):
            yield
    except Locked:
        raise Locked(
            f"{folder / FILE} has an older schema, and a sensorhub uses it: stop that"
            " one, then start this version; it migrates the database first"
        ) from None


def _copied_aside(folder: Path) -> str | None:
    """The schema's revision, an older one copied first; None for a new database.

    What an earlier attempt left of a copy is written anew: nothing was migrated then.
    """
    connection = connect(folder)
    try:
        before = revision_of(connection)
        if before is not None:
            for part in _unnamed(folder):
                part.unlink()
            part = folder / f"sensorhub-{before}.db{PART}"
            copy_into(connection, part)
            part.chmod(0o600)
            sync_file(part)
            sync_folder(folder)
        return before
    finally:
        connection.close()


def _current(folder: Path) -> bool:
    if not (folder / FILE).exists():
        return False
    connection = connect(folder)
    try:
        found = revision_of(connection)
    finally:
        connection.close()
    if found is not None and found > REVISION:
        copy = folder / f"sensorhub-{REVISION}.db"
        back = f", or put {copy.name} in its place" if copy.exists() else ""
        raise StoreError(
            f"{folder / FILE} has schema {found}, newer than this sensorhub knows"
            f" ({REVISION}): install the newer version{back}"
        )
    return found == REVISION


def _create(folder: Path) -> None:
    """Make the newest schema in one step, in 5 ms; Alembic needs 0.1 to 0.5 s."""
    connection = connect(folder)
    try:
        connection.executescript(f"{BEGIN};\n{SCHEMA.read_text('utf-8')}COMMIT")
    finally:
        connection.close()


def migrate(folder: Path, revision: str = "head") -> None:
    """Apply the missing migrations up to `revision`, in one transaction.

    `prepare` says when to.
    """
    # imported here: half of the start-up time, needed once in a database's life
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event, pool

    engine = create_engine(
        "sqlite://", creator=lambda: connect(folder), poolclass=pool.NullPool
    )
    # SQLAlchemy leaves it to the driver, which begins none by itself
    event.listen(engine, "begin", lambda c: c.exec_driver_sql(BEGIN))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
