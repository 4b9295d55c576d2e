"""What became of outbox rows, on its way into the pipeline's transaction."""

from collections.abc import Callable

from sensorhub.store import Connection
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import DeliveryResult

Job = Callable[[Connection], None]


class Settling:
    """Collects results and has them written together, one job at a time."""

    def __init__(self, submit: Callable[[Job], None]) -> None:
        self._submit = submit
        self._results: list[DeliveryResult] = []
        self._sent: list[int] = []
        self._jobs: list[Job] = []
        self._waiting = False

    def settle(self, result: DeliveryResult) -> None:
        """Have the result of an attempt written."""
        self._results.append(result)

    def forget(self, no: int) -> None:
        """Have a sent row deleted."""
        self._sent.append(no)

    def also(self, job: Job) -> None:
        """Have another change written after the results so far."""
        self._jobs.append(job)

    def flush(self, *, at_once: bool = False) -> None:
        """Hand over what was collected, once the job before has run, or now."""
        if not (self._results or self._sent or self._jobs):
            return
        if self._waiting and not at_once:
            return
        results, sent, jobs = self._results, self._sent, self._jobs
        self._results, self._sent, self._jobs = [], [], []

        def write(connection: Connection) -> None:
            self._waiting = False
            outbox.settle(connection, results)
            outbox.forget(connection, sent)
            for job in jobs:
                job(connection)

        self._waiting = True
        self._submit(write)
