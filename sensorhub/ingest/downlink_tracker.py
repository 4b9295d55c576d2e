"""Which downlinks wait for their device to show that it obeyed, and the signs of it.

Signs: a birth with the new interval, the reporting interval itself twice in a row, the
device's answer with the same bytes, a confirmed downlink's acknowledgement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import ParsedBatch, Receipt, Told
from sensorhub.model import Outcome
from sensorhub.store import Connection
from sensorhub.store.hot import downlinks
from sensorhub.store.hot.downlinks import Downlink

Job = Callable[[Connection], object]
WATCHED_MS = 30 * 86_400_000  # after that nobody waits for a sign any more
NEARLY = 0.1  # of the interval, and 5 s at least: clocks and airtime
LEAST_MS = 5_000
TWICE = 2


def _sign(waiting: "Waiting", told: Told) -> str:
    """How a native device's status shows that it obeyed; empty where it does not."""
    status = told.status
    if status.done == waiting.row.id:
        return "the device says it is done"
    seconds = status.interval_s
    if seconds is not None and waiting.interval_ms == seconds * 1000:
        return f"the device says it reports every {seconds:g} s"
    again = status.state == "online" and not told.retained
    if waiting.row.kind == "reboot" and again:
        return "the device came online anew"
    return ""


@dataclass(slots=True)
class Waiting:
    """A downlink whose effect can be seen."""

    row: Downlink
    interval_ms: int | None
    sent: bool
    last: int | None = None
    hits: int = 0


class DownlinkTracker:
    """Downlinks under way, by device number. Mostly there are none."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[Waiting]] = {}
        self.echoes: dict[int, list[tuple[bytes, str]]] = {}
        self.applications: list[str] = []

    def load(self, connection: Connection, devices: int, now: int) -> None:
        """Take what the database knows."""
        self.waiting.clear()
        self.echoes.clear()
        self.applications = [""] * devices
        for device, application in downlinks.applications(connection):
            if device < devices:
                self.applications[device] = application
        for row in downlinks.unfinished(connection, now - WATCHED_MS):
            self.watch(row)

    def watch(self, row: Downlink) -> None:
        """Wait for signs of this one; a younger one of its kind takes its place."""
        said = row.said.get("interval_s") if row.kind == "interval" else None
        interval = None if said is None else int(said * 1000)
        same = [w for w in self.waiting.get(row.device, ()) if w.row.kind != row.kind]
        waiting = Waiting(row, interval, row.sent_at is not None)
        self.waiting[row.device] = [*same, waiting]
        if echoes := row.said.get("echoes"):
            self.echoes[row.device] = [(bytes.fromhex(e), row.id) for e in echoes]

    def sent(self, id_: str) -> None:
        """The broker has it: what is seen from now on counts."""
        for rows in self.waiting.values():
            for waiting in rows:
                waiting.sent = waiting.sent or waiting.row.id == id_

    def observe(self, parsed: ParsedBatch, columns: Columns, now: int) -> list[Job]:
        """Note what a batch shows of downlinks; the jobs for its transaction."""
        jobs: list[Job] = []
        moved: list[tuple[int, str]] = []
        known, echoes = self.applications, self.echoes
        for sign in parsed.downlink_signs:
            if isinstance(sign, Receipt):
                self._receipt(jobs, sign, now)
                continue
            device, application, frame = sign
            if device < len(known) and known[device] != application:
                known[device] = application
                moved.append((device, application))
            for echo, id_ in tuple(echoes.get(device, ())) if echoes else ():
                if echo in frame:
                    self._receipt(jobs, Receipt(id_, "echo"), now)
        if moved:
            jobs.append(partial(downlinks.keep_applications, rows=moved))
        if not self.waiting:
            return jobs
        for told in parsed.told:
            for waiting in self._of(told.device):
                if note := _sign(waiting, told):
                    self._obeyed(jobs, waiting, now, note)
        self._intervals(jobs, columns)
        return jobs

    def _of(self, device: int) -> list[Waiting]:
        return [w for w in self.waiting.get(device, ()) if w.sent]

    def _receipt(self, jobs: list[Job], receipt: Receipt, now: int) -> None:
        found = next(
            (w for ws in self.waiting.values() for w in ws if w.row.id == receipt.id),
            None,
        )
        if found is None:
            return
        if receipt.kind == "txack":
            jobs.append(partial(downlinks.passed, id_=receipt.id, at=now))
        elif receipt.kind == "nack":
            note = "the device did not acknowledge it"
            jobs.append(partial(downlinks.noted, id_=receipt.id, note=note))
        else:
            how = "acknowledged" if receipt.kind == "ack" else "answered"
            self._obeyed(jobs, found, now, f"the device {how} it")

    def _intervals(self, jobs: list[Job], columns: Columns) -> None:
        """Devices that report as often as they were asked to, twice in a row."""
        stored = columns.outcome == Outcome.STORED
        watched = stored & np.isin(columns.device, list(self.waiting))
        for i in np.flatnonzero(watched).tolist():
            at = int(columns.received_at[i])
            for waiting in self._of(int(columns.device[i])):
                if waiting.interval_ms is not None:
                    self._heard(jobs, waiting, at)

    def _heard(self, jobs: list[Job], waiting: Waiting, at: int) -> None:
        before, waiting.last = waiting.last, at
        asked = waiting.interval_ms or 0
        if before is None:
            return
        near = abs(at - before - asked) <= max(LEAST_MS, NEARLY * asked)
        waiting.hits = waiting.hits + 1 if near else 0
        if waiting.hits >= TWICE:
            self._obeyed(jobs, waiting, at, f"reports every {asked / 1000:g} s")

    def _obeyed(self, jobs: list[Job], waiting: Waiting, at: int, note: str) -> None:
        row = waiting.row
        rest = [w for w in self.waiting[row.device] if w is not waiting]
        if rest:
            self.waiting[row.device] = rest
        else:
            del self.waiting[row.device]
        kept = [e for e in self.echoes.get(row.device, ()) if e[1] != row.id]
        self.echoes[row.device] = kept
        if not kept:
            del self.echoes[row.device]
        jobs.append(partial(downlinks.obeyed, id_=row.id, at=at, note=note))
