"""Writes of other threads: done by the hub's thread with its next commit."""

from collections import Counter, deque

import structlog

from sensorhub.errors import StoreError
from sensorhub.hub.hub import Hub
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import ChangeSet, Write

log = structlog.get_logger()


class WriteQueue:
    """A queue of writes; any thread may submit, only the hub's thread commits."""

    def __init__(self) -> None:
        self._waiting: deque[Write] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(self, write: Write) -> None:
        """Have it done in one of the next transactions."""
        self._waiting.append(write)

    def count(self, name: str, by: int) -> None:
        """Have a counter moved."""
        self.submit(lambda c: counters.add(c, Counter({name: by})))

    def remember(self, name: str, value: str) -> None:
        """Have a value of `meta` set."""
        self.submit(lambda c: counters.set_meta(c, name, value))

    def commit(self, hub: Hub, change_set: ChangeSet) -> None:
        """Commit a change set with all that waits; a bad write harms no other."""
        own, waiting = change_set.writes, list(self._waiting)
        change_set.writes = own + waiting
        try:
            hub.commit(change_set)
        except StoreError:
            raise
        except Exception:
            if not waiting:
                raise
            log.exception("a commit failed, queued writes are tried one by one")
            for write in waiting:
                _try(hub, write)
                self._waiting.popleft()
            change_set.writes = own
            hub.commit(change_set)
            return
        for _ in waiting:
            self._waiting.popleft()


def _try(hub: Hub, write: Write) -> None:
    try:
        hub.commit(ChangeSet(writes=[write]))
    except StoreError:
        raise
    except Exception:
        log.exception("a queued write failed, it is dropped")
