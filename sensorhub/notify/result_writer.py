"""Write the results of deliveries in the hub's next transaction."""

from collections.abc import Callable

from sensorhub.store import Connection
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import DeliveryResult
from sensorhub.store.jobs import WriteJob


class ResultWriter:
    """Collect results and hand them over together, one write at a time."""

    def __init__(self, submit: Callable[[WriteJob], None]) -> None:
        self._submit = submit
        self._results: list[DeliveryResult] = []
        self._sent: list[int] = []
        self._writes: list[WriteJob] = []
        self._waiting = False

    def add_result(self, result: DeliveryResult) -> None:
        """Add the result of an attempt."""
        self._results.append(result)

    def delete_row(self, no: int) -> None:
        """Delete a sent row of the outbox, which needs no record."""
        self._sent.append(no)

    def add_write(self, write: WriteJob) -> None:
        """Add another write, which runs after the results so far."""
        self._writes.append(write)

    def flush(self, *, at_once: bool = False) -> None:
        """Hand over what was collected, once the write before has run, or now."""
        if not (self._results or self._sent or self._writes):
            return
        if self._waiting and not at_once:
            return
        results, sent, writes = self._results, self._sent, self._writes
        self._results, self._sent, self._writes = [], [], []

        def write(connection: Connection) -> None:
            self._waiting = False
            outbox.write_results(connection, results)
            outbox.delete(connection, sent)
            for later in writes:
                later(connection)

        self._waiting = True
        self._submit(write)
