"""Process and commit batches; a message that breaks the code is a dead letter."""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from sensorhub.columns import I64, Columns
from sensorhub.errors import StoreError
from sensorhub.hub.hub import Hub
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.pipeline import Processed
from sensorhub.model import Message
from sensorhub.store.hot.changeset import ChangeSet, Write

log = structlog.get_logger()
Append = Callable[[list[Message], ParsedBatch, Columns, int], Write | None]


class Committed(NamedTuple):
    """Messages of a batch that were committed together; `places`: which of it."""

    places: range
    changes: ChangeSet
    parsed: ParsedBatch
    columns: Columns


class BatchProcessor:
    """Processes batches for a hub; `commit` writes a change set.

    `append(messages, parsed, columns, now)` appends them to the outcome log and
    returns what to write with them.
    """

    def __init__(
        self,
        hub: Hub,
        commit: Callable[[ChangeSet], None],
        append: Append | None = None,
    ) -> None:
        self._hub = hub
        self._commit = commit
        self._append = append

    def process(
        self,
        messages: list[Message],
        received: int | I64,
        parsed: ParsedBatch | None = None,
        *,
        first: int = 0,
    ) -> list[Committed]:
        """Process and commit; by halves where something unforeseen breaks.

        `received` and `parsed` as `Pipeline.process` has them; `first`: the place of
        the first message in the batch. Raises StoreError.
        """
        now = received if isinstance(received, int) else int(received[0])
        try:
            processed = self._hub.session.pipeline.process(messages, received, parsed)
            self._log_outcomes(messages, processed, now)
            self._commit(processed.changes)
        except StoreError:
            raise
        except Exception as error:
            log.exception("a batch broke the pipeline", messages=len(messages))
            self._hub.load()  # forget what was moved and not committed
            if len(messages) > 1:
                return self._halves(messages, received, first)
            processed = self._hub.session.pipeline.dead_letter(
                messages[0], now, repr(error)
            )
            self._log_outcomes(messages, processed, now)
            self._hub.commit(processed.changes)
        return [Committed(range(first, first + len(messages)), *processed)]

    def _log_outcomes(
        self, messages: list[Message], processed: Processed, now: int
    ) -> None:
        if self._append is None:
            return
        write = self._append(messages, processed.parsed, processed.columns, now)
        if write is not None:
            processed.changes.writes.append(write)

    def _halves(
        self, messages: list[Message], received: int | I64, first: int
    ) -> list[Committed]:
        half = len(messages) // 2
        committed = []
        for at, part in ((0, messages[:half]), (half, messages[half:])):
            end = at + len(part)
            times = received if isinstance(received, int) else received[at:end]
            committed += self.process(part, times, first=first + at)
        return committed
