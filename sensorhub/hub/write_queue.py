"""What other threads want written: done by the hub's thread with its next commit."""

from collections import Counter, deque

import structlog

from sensorhub.errors import StoreError
from sensorhub.hub.hub import Hub
from sensorhub.store import counters
from sensorhub.store.changeset import ChangeSet, Job

log = structlog.get_logger()


class WriteQueue:
    """A queue of jobs; any thread may submit, only the hub's thread commits."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def submit(self, job: Job) -> None:
        """Have a job done in one of the next transactions."""
        self._waiting.append(job)

    def count(self, name: str, by: int) -> None:
        """Have a counter moved."""
        self.submit(lambda c: counters.add(c, Counter({name: by})))

    def remember(self, name: str, value: str) -> None:
        """Have a value of `meta` set."""
        self.submit(lambda c: counters.set_meta(c, name, value))

    def commit(self, hub: Hub, change_set: ChangeSet) -> None:
        """Commit a ledger with all that waits; a bad job harms no other."""
        own, jobs = change_set.jobs, list(self._waiting)
        change_set.jobs = own + jobs
        try:
            hub.commit(change_set)
        except StoreError:
            raise
        except Exception:
            if not jobs:
                raise
            log.exception("a commit broke, its jobs are tried one by one")
            for job in jobs:
                _try(hub, job)
                self._waiting.popleft()
            change_set.jobs = own
            hub.commit(change_set)
            return
        for _ in jobs:
            self._waiting.popleft()


def _try(hub: Hub, job: Job) -> None:
    try:
        hub.commit(ChangeSet(jobs=[job]))
    except StoreError:
        raise
    except Exception:
        log.exception("a job broke, it is dropped")
