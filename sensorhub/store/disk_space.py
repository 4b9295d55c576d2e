"""Free disk space of the data folder: below the reserve no uplinks are taken."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

LOOK_S = 0.5
ENOUGH = 1.05  # times the reserve: work begins again

MB = 1_000_000


def free_mb(folder: Path) -> float:
    """Megabytes that this user can still write to the folder's disk."""
    return shutil.disk_usage(folder).free / MB


class DiskSpace:
    """Checks the disk twice a second; `full` is true below the reserve."""

    def __init__(
        self,
        folder: Path,
        reserve_mb: float,
        *,
        free: Callable[[Path], float] = free_mb,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._reserve = reserve_mb
        self._free = free
        self._moment = moment
        self._next = moment()
        self._full = False
        self.free_mb = 0.0

    def full(self) -> bool:
        """Whether no more uplinks should be taken for now."""
        if self._reserve and self._moment() >= self._next:
            self._next = self._moment() + LOOK_S
            self.free_mb = self._free(self._folder)
            enough = self._reserve * (ENOUGH if self._full else 1)
            self._full = self.free_mb < enough
        return self._full
