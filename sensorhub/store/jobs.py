"""Jobs: small writes that another thread runs in the hub's next transaction."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sensorhub.errors import StoreError
from sensorhub.store import Connection

WriteJob = Callable[[Connection], None]
Submit = Callable[[WriteJob], object]


@dataclass(frozen=True, slots=True)
class HubAccess:
    """What a thread beside the hub's loop may use of the hub.

    `now()` is the hub's time (ms); `submit(job)` has a job run in its next transaction.
    """

    now: Callable[[], int]
    submit: Submit


PATIENCE_S = 60.0  # with a job that is not run
SEEN_S = 2.0  # from a job's run to its commit
GLANCE_S = 0.002


class LostJobError(StoreError):
    """A job was not run, or its transaction was undone: look again."""


class JobRunner:
    """Hands in jobs one by one and waits until each is on disk."""

    def __init__(self, submit: Submit, stopping: threading.Event) -> None:
        self._submit = submit
        self._stopping = stopping

    def do(self, job: WriteJob, seen: Callable[[], bool] | None = None) -> None:
        """Have `job` run; `seen` tells when its commit can be read.

        Without `seen` the job may yet be undone. Raises LostJobError where it
        was not run or not seen in time, or when we are to stop.
        """
        ran = threading.Event()

        def run(connection: Connection) -> None:
            job(connection)
            ran.set()

        self._submit(run)
        deadline = time.monotonic() + PATIENCE_S
        while not ran.wait(0.1):
            if self._stopping.is_set() or time.monotonic() > deadline:
                raise LostJobError("the hub did not run a job of the history")
        deadline = time.monotonic() + SEEN_S
        while seen is not None and not seen():
            if self._stopping.is_set() or time.monotonic() > deadline:
                raise LostJobError("a job of the history was undone")
            time.sleep(GLANCE_S)
