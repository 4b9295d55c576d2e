"""The thread that keeps InfluxDB up to date, whatever happens to it."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from sensorhub.config.influx import InfluxSettings
from sensorhub.forward.batch_sender import BatchSender
from sensorhub.forward.influx import (
    InfluxRefused,
    InfluxUnavailable,
    InfluxWriter,
    WriteResult,
)
from sensorhub.forward.lines import LineHeads
from sensorhub.registry.registry import Registry
from sensorhub.store.database import connect
from sensorhub.store.jobs import HubAccess, JobRunner, LostJobError

log = structlog.get_logger()

LINES = 5_000  # of one request
FIRST_WAIT_S = 0.5
LONGEST_S = 3_600.0  # that a Retry-After is believed
TOLD_S = 600.0  # an InfluxDB that is away for longer is an alert
# it waits and rests so much longer than it works: ingest comes first
REST, REST_BUSY = 3.0, 15.0


class ForwarderStuck(NamedTuple):
    """Nothing has been taken for so many hours, and why."""

    hours: float
    reason: str


class Forwarder:
    """Sends what is stored; `stuck` says when somebody should look after it.

    `registry()` is the hub's current register; `busy()` says whether uplinks wait.
    """

    def __init__(
        self,
        folder: Path,
        settings: InfluxSettings,
        *,
        hub: HubAccess,
        registry: Callable[[], Registry],
        busy: Callable[[], bool] = lambda: False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._read = connect(folder, read_only=True)
        self._settings = settings
        self._submit = hub.submit
        self._busy = busy
        self._chance = chance
        self._stopping = threading.Event()
        jobs = JobRunner(hub.submit, self._stopping)
        heads = LineHeads(registry)
        self._sender = BatchSender(
            self._read, jobs, heads, send=self._send, now=hub.now
        )
        self._begun = False
        self._writer: InfluxWriter | None = None
        self._failures = 0
        self._failing_since: float | None = None
        self._reason = ""
        self._refused = False
        self._thread = threading.Thread(target=self._run, name="forward", daemon=True)

    # -- what others call --

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End; what is on its way is sent again by the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return  # it waits for an answer, and ends with the process
        if self._begun:
            self._submit(self._sender.marks_job())
        if self._writer is not None:
            self._writer.close()
        self._read.close()

    def stuck(self) -> ForwarderStuck | None:
        """Whether to notify an operator: refused, or away for longer than TOLD_S."""
        since, reason = self._failing_since, self._reason
        if since is None:
            return None
        away = time.monotonic() - since
        return (
            ForwarderStuck(away / 3600, reason)
            if self._refused or away > TOLD_S
            else None
        )

    # -- the thread --

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self.turn())

    def turn(self) -> float:
        """One piece of work; how long to pause after it, in seconds."""
        began, worked = time.monotonic(), time.thread_time()
        try:
            if not self._begun:
                self._sender.begin(self._settings.journal_mb * 1_000_000)
                self._begun = True
            if self._sender.step():
                worked = time.thread_time() - worked
                rest = REST_BUSY if self._busy() else REST
                return max(0.0, worked * (1 + rest) - (time.monotonic() - began))
            return self._settings.every_s
        except InfluxUnavailable as error:
            return self._failed(error)
        except LostJobError as error:
            log.info("forward_job_lost", error=str(error))
        except Exception as error:
            log.exception("forward_failed")
            return self._failed(
                InfluxUnavailable(f"internal error: {type(error).__name__}")
            )
        return FIRST_WAIT_S

    def _send(self, lines: list[str]) -> WriteResult:
        if self._writer is None:
            self._writer = InfluxWriter(self._settings)
        whole = WriteResult()
        for first in range(0, len(lines), LINES):
            result = self._writer.send(lines[first : first + LINES])
            whole.letters += result.letters
            whole.expired += result.expired
        if lines:
            self._works()
        return whole

    def _works(self) -> None:
        if self._failing_since is not None:
            log.info("influxdb_takes_again")
        self._failing_since, self._refused = None, False
        self._reason, self._failures = "", 0

    def _failed(self, error: InfluxUnavailable) -> float:
        """Remember it, say so once in the log; how long to wait, in seconds."""
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        if str(error) != self._reason:
            log.warning("influxdb_takes_nothing", reason=str(error))
        self._reason, self._refused = str(error), isinstance(error, InfluxRefused)
        if error.retry_after_s is not None:
            return min(error.retry_after_s, LONGEST_S)
        if self._refused:
            return self._settings.retry_s
        wait = FIRST_WAIT_S * 2.0 ** min(self._failures, 20)
        self._failures += 1
        return min(self._settings.retry_s, wait) * (0.5 + self._chance() / 2)
