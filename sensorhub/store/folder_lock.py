"""Lock files of a data folder, and errors of the folder."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensorhub.errors import StoreError


class Locked(StoreError):
    """Another process holds the lock."""


@contextmanager
def explain_folder_errors(folder: Path) -> Iterator[None]:
    """Convert errors of the data folder to StoreError with advice."""
    try:
        yield
    except (FileExistsError, NotADirectoryError):
        raise StoreError(f"{folder} is no folder: name one with --data") from None
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be used: {error.strerror or error}; give this user a"
            " folder to write with --data"
        ) from error


@contextmanager
def locked(folder: Path, name: str = "hub.lock", wait_s: float = 10) -> Iterator[None]:
    """Hold the lock file `name` in `folder`; the kernel releases it at exit or kill.

    Raises StoreError when another process keeps it for longer than `wait_s`.
    """
    with explain_folder_errors(folder):
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Locked(
                        f"another sensorhub uses {folder}; stop it or choose another"
                        " folder with --data"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def is_running(folder: Path) -> bool:
    """Whether a hub holds the lock on `folder`."""
    try:
        with locked(folder, wait_s=0):
            return False
    except Locked:
        return True
