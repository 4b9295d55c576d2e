"""Batches of messages, processed and committed; what breaks the code dies alone."""

from collections.abc import Callable

import structlog

from sensorhub.columns import I64, Columns
from sensorhub.errors import StoreError
from sensorhub.hub.hub import Hub
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.ingest.pipeline import Pipeline
from sensorhub.model import Message
from sensorhub.store.changeset import ChangeSet, Write

log = structlog.get_logger()
Seen = Callable[[range, ParsedBatch, Columns], None]
Enter = Callable[[list[Message], ParsedBatch, Columns, int], Write | None]


class BatchProcessor:
    """Takes batches for a hub; `commit` writes a ledger.

    `seen(places, draft, columns)` hears of what was committed: the messages at
    these places of the batch. `enter(messages, draft, columns, now)` answers what else
    to write with them.
    """

    def __init__(
        self,
        hub: Hub,
        commit: Callable[[ChangeSet], None],
        seen: Seen | None = None,
        enter: Enter | None = None,
    ) -> None:
        self._hub = hub
        self._commit = commit
        self.seen = seen
        self._enter = enter
        self._last: tuple[ParsedBatch, Columns] | None = None
        self.renew()

    def renew(self) -> None:
        """The hub's state was built anew."""
        hub = self._hub
        self.pipeline = Pipeline(
            hub.state, hub.lifecycle, hub.reader, hub.downlink_tracker
        )
        self._built = hub.state

    def take(
        self,
        messages: list[Message],
        received: int | I64,
        parsed: ParsedBatch | None = None,
        *,
        first: int = 0,
    ) -> list[str]:
        """Process and commit; by halves where something unforeseen breaks.

        Answers retained states that no open alert stands for. `received` and
        `parsed` as `Pipeline.process` has them.
        """
        if self._hub.state is not self._built:
            self.renew()
        looked = self.seen is not None or self._enter is not None
        self.pipeline.watch = self._watch if looked else None
        now = received if isinstance(received, int) else int(received[0])
        try:
            change_set = self.pipeline.process(messages, received, parsed)
            self._add_entry(change_set, messages, now)
            self._commit(change_set)
        except StoreError:
            raise
        except Exception as error:
            log.exception("a batch broke the pipeline", messages=len(messages))
            self._hub.load()  # forget what was moved and not committed
            self.renew()
            if len(messages) > 1:
                return self._halves(messages, received, first)
            self.pipeline.watch = self._watch
            change_set = self.pipeline.bury(messages[0], now, repr(error))
            self._add_entry(change_set, messages, now)
            self._hub.commit(change_set)
        if self.seen is not None and self._last is not None:
            self.seen(range(first, first + len(messages)), *self._last)
        self._last = None
        return change_set.stale

    def _add_entry(
        self, change_set: ChangeSet, messages: list[Message], now: int
    ) -> None:
        if self._enter is None or self._last is None:
            return
        write = self._enter(messages, *self._last, now)
        if write is not None:
            change_set.writes.append(write)

    def _halves(
        self, messages: list[Message], received: int | I64, first: int
    ) -> list[str]:
        half = len(messages) // 2
        stale = []
        for at, part in ((0, messages[:half]), (half, messages[half:])):
            end = at + len(part)
            times = received if isinstance(received, int) else received[at:end]
            stale += self.take(part, times, first=first + at)
        return stale

    def _watch(self, parsed: ParsedBatch, columns: Columns) -> None:
        self._last = parsed, columns
