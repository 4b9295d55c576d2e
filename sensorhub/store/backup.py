"""Backup, restore, verify: the whole database as one file with a checksum file.

`copy_into` reads one moment while the hub goes on writing; nothing else does so
under load. The file holds secrets (of webhooks): only its owner may read it.
"""

import hashlib
import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sensorhub.errors import StoreError
from sensorhub.store import (
    Connection,
    DatabaseError,
    database,
    folder_lock,
    integrity,
    migration,
)
from sensorhub.store.durable_files import sync_folder
from sensorhub.store.integrity import TableCheck

SUM = ".sha256"  # of `sha256sum`
BLOCK = 2**20
SYNC_EVERY = 8 * 2**20
REPLACED = "sensorhub-replaced.db"


class VerifyResult(NamedTuple):
    """What `verify` read, and the faults it found in words."""

    counts: list[TableCheck]
    faults: list[str]

    @property
    def sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def backup(folder: Path, target: Path, *, force: bool = False) -> int:
    """Write the folder's database to `target`, also while a hub runs; returns bytes.

    Raises StoreError if there is no database or the file exists.
    """
    if not (folder / database.FILE).exists():
        raise StoreError(f"{folder} has no database to back up")
    if target.exists() and not force:
        raise StoreError(f"{target} is there already; --force replaces it")
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        partial.touch(mode=0o600)
        with closing(database.connect(folder, read_only=True)) as connection:
            # the file is synced below, in small steps: the hub's commits wait less
            database.copy_into(connection, partial)
        digest = _sync(partial)
    except (OSError, DatabaseError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{target} cannot be written: {error}") from error
    size = partial.stat().st_size
    _sum_file(target).write_text(f"{digest}  {target.name}\n", "utf-8")
    partial.replace(target)
    sync_folder(target.parent)
    return size


def restore(source: Path, folder: Path, *, force: bool = False) -> bool:
    """Restore a backup into a data folder; returns whether old data became REPLACED.

    Holds the hub's lock. Raises StoreError where a hub runs, where the backup is
    damaged, and where there are data already and not `force`.
    """
    result = verify_file(source)
    if not result.sound:
        first = "\n  ".join(result.faults[:10])
        raise StoreError(f"{source} is damaged and was not restored:\n  {first}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder_lock.locked(folder, wait_s=0):
        there = folder / database.FILE
        if there.exists() and not force:
            raise StoreError(
                f"{folder} has a database already; --force moves it to {REPLACED}"
            )
        new = folder / "sensorhub-restored.partial"
        _copy(source, new)
        aside = _set_aside(folder)
        new.replace(there)
        sync_folder(folder)
    return aside


def verify_file(path: Path) -> VerifyResult:
    """Verify a backup file, and its checksum file if there is one."""
    if not path.is_file():
        raise StoreError(f"{path} is no file")
    faults = []
    beside = _sum_file(path)
    if beside.exists():
        recorded = beside.read_text("utf-8").split()
        if not recorded or recorded[0] != _sync(path, sync=False):
            faults.append(f"file: not what {beside.name} says")
    with closing(database.connect_to_file(path)) as connection:
        return _verify(connection, faults, whole=True)


def verify_folder(folder: Path) -> VerifyResult:
    """Verify the database of a data folder, with or without a running hub."""
    if not (folder / database.FILE).exists():
        raise StoreError(f"{folder} has no database")
    with closing(database.connect(folder, read_only=True)) as connection:
        return _verify(connection, [], whole=not folder_lock.is_running(folder))


def _verify(connection: Connection, faults: list[str], *, whole: bool) -> VerifyResult:
    counts: list[TableCheck] = []
    try:
        if migration.revision_of(connection) is None:
            return VerifyResult([], [*faults, "database: none of sensorhub's"])
        faults = faults + integrity.pages(connection, whole=whole)
        known = set(database.tables(connection))
        for part in integrity.CHECKED_TABLES:
            if part.table in known:
                counts.append(integrity.check(connection, part))
                faults += counts[-1].damaged
    except DatabaseError as error:
        faults.append(f"database: {error}")
    return VerifyResult(counts, faults)


def _sum_file(path: Path) -> Path:
    return path.with_name(path.name + SUM)


def _sync(path: Path, *, sync: bool = True) -> str:
    """The file's SHA-256; written to the disk step by step on the way."""
    digest = hashlib.sha256()
    with path.open("rb" if not sync else "r+b", buffering=0) as file:
        done = 0
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            if sync and done % SYNC_EVERY == 0:
                os.fdatasync(file.fileno())
        if sync:
            os.fsync(file.fileno())
    return digest.hexdigest()


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(BLOCK):
            write.write(block)
        write.flush()
        os.fsync(write.fileno())


def _set_aside(folder: Path) -> bool:
    """Move a database out of the way with its log; whether there was one."""
    there, aside = folder / database.FILE, folder / REPLACED
    found = there.exists()
    for end in ("", "-wal", "-shm"):
        old = there.with_name(there.name + end)
        aside.with_name(aside.name + end).unlink(missing_ok=True)
        if old.exists() and found and end != "-shm":
            old.replace(aside.with_name(aside.name + end))
        old.unlink(missing_ok=True)
    return found
