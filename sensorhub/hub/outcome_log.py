"""How every message ended, as lines of a file; exact also over kill -9.

The lines are written inside the transaction that they tell of, which also remembers
where they end: what stands behind that place was never committed and is written over.
"""

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from sensorhub.alerts.event import rfc3339
from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import DUP, RETAIN, Message, Outcome, Reason
from sensorhub.store import Connection, counters
from sensorhub.store.changeset import Job

log = structlog.get_logger()
META = "ledger_file"
EVENT = '"outcome":"event","reason":null'
ENDS = {
    (int(outcome), int(reason)): f'"outcome":"{outcome.name.lower()}","reason":'
    + (f'"{reason.word}"' if reason else "null")
    for outcome in Outcome
    for reason in Reason
}


def ends(parsed: ParsedBatch, columns: Columns) -> dict[int, list[str]]:
    """Outcome and reason of each uplink, by the number of its message in the batch."""
    found: dict[int, list[str]] = {}
    columns_of = (columns.outcome.tolist(), columns.reason.tolist())
    for message, outcome, reason in zip(parsed.message, *columns_of, strict=True):
        found.setdefault(message, []).append(ENDS[outcome, reason])
    return found


class _Place(msgspec.Struct):
    """Up to where the file is sound."""

    file: str
    bytes: int
    messages: int


class OutcomeLog:
    """A file that grows by one line an uplink message; belongs to one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def job(
        self,
        messages: Sequence[Message],
        parsed: ParsedBatch,
        columns: Columns,
        now: int,
    ) -> Job:
        """Writes a batch received at `now` (ms) in the transaction that keeps it."""
        found = ends(parsed, columns)

        def write(connection: Connection) -> None:
            workspace = self._workspace(connection)
            text = "".join(_lines(messages, found, now, workspace.messages + 1))
            data = text.encode()
            try:
                self._write(workspace, data)
            except OSError as error:  # a ledger must never cost an uplink
                log.error("the ledger file lost lines", error=str(error))
                return
            workspace.bytes += len(data)
            workspace.messages += len(messages)
            counters.set_meta(connection, META, msgspec.json.encode(workspace).decode())

        return write

    def _workspace(self, connection: Connection) -> _Place:
        """Where the next line belongs; the end of a file that we did not write."""
        size = self._path.stat().st_size if self._path.exists() else 0
        known = counters.get_meta(connection, META)
        if known is None:
            return _Place(str(self._path), size, 0)
        workspace = msgspec.json.decode(known, type=_Place)
        if workspace.file != str(self._path) or size < workspace.bytes:
            return _Place(str(self._path), size, workspace.messages)
        return workspace

    def _write(self, workspace: _Place, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o640)
        try:
            os.ftruncate(descriptor, workspace.bytes)
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], workspace.bytes + done)
        finally:
            os.close(descriptor)


def _lines(
    messages: Sequence[Message], found: dict[int, list[str]], now: int, first: int
) -> Iterator[str]:
    for number, message in enumerate(messages):
        topic = msgspec.json.encode(message.topic.decode("utf-8", "replace")).decode()
        digest = sha256(message.payload).hexdigest()
        retain = "true" if message.flags & RETAIN else "false"
        dup = "true" if message.flags & DUP else "false"
        rest = (
            f'"received_at":"{rfc3339(now)}","topic":{topic},"sha256":"{digest}",'
            f'"retain":{retain},"dup":{dup}'
        )
        for end in found.get(number, (EVENT,)):
            yield f'{{"line":{first + number},{end},{rest}}}\n'
