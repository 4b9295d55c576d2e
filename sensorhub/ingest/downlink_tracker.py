"""Downlinks that are to be confirmed by their device, and what confirms them.

A downlink is confirmed by a birth with the new interval, by the reporting interval
itself twice in a row, by the device's answer with the same bytes, or by the
acknowledgement of a confirmed downlink.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import (
    DeviceStatusReport,
    DownlinkReceipt,
    ParsedBatch,
)
from sensorhub.model import Outcome
from sensorhub.store import Connection
from sensorhub.store.hot import downlinks
from sensorhub.store.hot.downlinks import Downlink

Job = Callable[[Connection], object]
TRACKED_MS = 30 * 86_400_000  # older downlinks are not tracked any more
NEARLY = 0.1  # of the interval, and 5 s at least: clocks and airtime
LEAST_MS = 5_000
TWICE = 2


def _confirmation(pending: "PendingDownlink", report: DeviceStatusReport) -> str:
    """How a native device's status confirms a downlink; empty where it does not."""
    status = report.status
    if status.done == pending.row.id:
        return "the device says it is done"
    seconds = status.interval_s
    if seconds is not None and pending.interval_ms == seconds * 1000:
        return f"the device says it reports every {seconds:g} s"
    again = status.state == "online" and not report.retained
    if pending.row.kind == "reboot" and again:
        return "the device came online anew"
    return ""


@dataclass(slots=True)
class PendingDownlink:
    """A downlink that is to be confirmed; `last` and `hits` are of its interval."""

    row: Downlink
    interval_ms: int | None
    sent: bool
    last: int | None = None
    hits: int = 0


class DownlinkTracker:
    """Downlinks under way, by device number. Mostly there are none."""

    def __init__(self) -> None:
        self.pending: dict[int, list[PendingDownlink]] = {}
        self.echoes: dict[int, list[tuple[bytes, str]]] = {}
        self.applications: list[str] = []

    def load(self, connection: Connection, devices: int, now: int) -> None:
        """Load applications and unconfirmed downlinks from the database."""
        self.pending.clear()
        self.echoes.clear()
        self.applications = [""] * devices
        for device, application in downlinks.applications(connection):
            if device < devices:
                self.applications[device] = application
        for row in downlinks.unfinished(connection, now - TRACKED_MS):
            self.track(row)

    def track(self, row: Downlink) -> None:
        """Track a downlink in place of an older one of its kind."""
        interval_s = row.arguments.get("interval_s") if row.kind == "interval" else None
        interval = None if interval_s is None else int(interval_s * 1000)
        same = [w for w in self.pending.get(row.device, ()) if w.row.kind != row.kind]
        pending = PendingDownlink(row, interval, row.sent_at is not None)
        self.pending[row.device] = [*same, pending]
        if echoes := row.arguments.get("echoes"):
            self.echoes[row.device] = [(bytes.fromhex(e), row.id) for e in echoes]

    def mark_sent(self, id_: str) -> None:
        """Note that the broker has it: what is observed from now on counts."""
        for rows in self.pending.values():
            for pending in rows:
                pending.sent = pending.sent or pending.row.id == id_

    def observe(self, parsed: ParsedBatch, columns: Columns, now: int) -> list[Job]:
        """Note what a batch shows of downlinks; the jobs for its transaction."""
        jobs: list[Job] = []
        moved: list[tuple[int, str]] = []
        known, echoes = self.applications, self.echoes
        for sign in parsed.downlink_signs:
            if isinstance(sign, DownlinkReceipt):
                self._take_receipt(jobs, sign, now)
                continue
            device, application, frame = sign
            if device < len(known) and known[device] != application:
                known[device] = application
                moved.append((device, application))
            for echo, id_ in tuple(echoes.get(device, ())) if echoes else ():
                if echo in frame:
                    self._take_receipt(jobs, DownlinkReceipt(id_, "echo"), now)
        if moved:
            jobs.append(partial(downlinks.keep_applications, rows=moved))
        if not self.pending:
            return jobs
        for report in parsed.statuses:
            for pending in self._sent_to(report.device):
                if note := _confirmation(pending, report):
                    self._confirm(jobs, pending, now, note)
        self._check_intervals(jobs, columns)
        return jobs

    def _sent_to(self, device: int) -> list[PendingDownlink]:
        return [w for w in self.pending.get(device, ()) if w.sent]

    def _take_receipt(
        self, jobs: list[Job], receipt: DownlinkReceipt, now: int
    ) -> None:
        found = next(
            (w for ws in self.pending.values() for w in ws if w.row.id == receipt.id),
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
            self._confirm(jobs, found, now, f"the device {how} it")

    def _check_intervals(self, jobs: list[Job], columns: Columns) -> None:
        """Confirm the intervals that devices kept twice in a row."""
        stored = columns.outcome == Outcome.STORED
        watched = stored & np.isin(columns.device, list(self.pending))
        for i in np.flatnonzero(watched).tolist():
            at = int(columns.received_at[i])
            for pending in self._sent_to(int(columns.device[i])):
                if pending.interval_ms is not None:
                    self._check_interval(jobs, pending, at)

    def _check_interval(
        self, jobs: list[Job], pending: PendingDownlink, at: int
    ) -> None:
        before, pending.last = pending.last, at
        asked = pending.interval_ms or 0
        if before is None:
            return
        near = abs(at - before - asked) <= max(LEAST_MS, NEARLY * asked)
        pending.hits = pending.hits + 1 if near else 0
        if pending.hits >= TWICE:
            self._confirm(jobs, pending, at, f"reports every {asked / 1000:g} s")

    def _confirm(
        self, jobs: list[Job], pending: PendingDownlink, at: int, note: str
    ) -> None:
        row = pending.row
        rest = [w for w in self.pending[row.device] if w is not pending]
        if rest:
            self.pending[row.device] = rest
        else:
            del self.pending[row.device]
        kept = [e for e in self.echoes.get(row.device, ()) if e[1] != row.id]
        self.echoes[row.device] = kept
        if not kept:
            del self.echoes[row.device]
        jobs.append(partial(downlinks.obeyed, id_=row.id, at=at, note=note))
