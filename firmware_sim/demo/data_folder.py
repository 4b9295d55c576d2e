"""The demo's data folder: emptied at the start, locked while the demo runs."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

MARKER = ".sensorhub-demo"  # a demo made the folder; locked while it runs
HUB_LOCK = "hub.lock"  # locked by a hub while it uses the folder


@contextmanager
def fresh(requested: Path) -> Iterator[Path]:
    """Yield an empty folder: `requested`, or `requested`-2, -3 and so on if in use.

    Raises OSError if `requested` holds files that no demo made.
    """
    for number in count(1):
        data = (
            requested
            if number == 1
            else requested.with_name(f"{requested.name}-{number}")
        )
        if number > 1 and _foreign(data):
            continue
        with ExitStack() as stack:
            if _lock_and_empty(data, stack):
                yield data
                return


def _foreign(data: Path) -> bool:
    return data.exists() and any(data.iterdir()) and not (data / MARKER).exists()


def _lock_and_empty(data: Path, stack: ExitStack) -> bool:
    """Lock the folder and empty it; False if another process uses it."""
    if _foreign(data):
        raise OSError(f"{data} is not a demo's folder; choose another with --data")
    data.mkdir(parents=True, exist_ok=True)
    if not _lock(data / MARKER, stack):
        return False
    with ExitStack() as brief:
        if (data / HUB_LOCK).exists() and not _lock(data / HUB_LOCK, brief):
            return False
    for entry in data.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return True


def _lock(file: Path, stack: ExitStack) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    stack.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
