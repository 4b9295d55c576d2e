"""The demo's data folder: made fresh, and nobody else's while the demo runs."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

MARKER = ".sensorhub-demo"  # tells that a demo made the folder; held while it runs
HUB_LOCK = "hub.lock"  # held by a hub as long as it uses the folder


@contextmanager
def fresh(asked: Path) -> Iterator[Path]:
    """An empty folder: `asked`, or where that is in use `asked`-2, -3 and so on.

    Raises OSError where `asked` holds what no demo made.
    """
    for number in count(1):
        data = asked if number == 1 else asked.with_name(f"{asked.name}-{number}")
        if number > 1 and _foreign(data):
            continue
        with ExitStack() as stack:
            if _take(data, stack):
                yield data
                return


def _foreign(data: Path) -> bool:
    return data.exists() and any(data.iterdir()) and not (data / MARKER).exists()


def _take(data: Path, stack: ExitStack) -> bool:
    """Hold the folder and empty it; False where somebody else uses it."""
    if _foreign(data):
        raise OSError(f"{data} is not a demo's folder; choose another with --data")
    data.mkdir(parents=True, exist_ok=True)
    if not _hold(data / MARKER, stack):
        return False
    with ExitStack() as brief:
        if (data / HUB_LOCK).exists() and not _hold(data / HUB_LOCK, brief):
            return False
    for entry in data.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return True


def _hold(file: Path, stack: ExitStack) -> bool:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    stack.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
