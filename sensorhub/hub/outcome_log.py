"""How every message ended, as lines of a file; exact also over kill -9.

The lines of a batch are written before its transaction, which remembers up to where
the file is valid: what stands behind that was never committed and is written over.
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import structlog

from sensorhub.alerts.event import rfc3339
from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import DUP, RETAIN, Message, Outcome, Reason
from sensorhub.store import Connection
from sensorhub.store.hot import counters
from sensorhub.store.hot.changeset import Write

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


class LogPosition(msgspec.Struct):
    """Up to where the file is valid: its path, bytes and messages."""

    file: str
    bytes: int
    messages: int


class OutcomeLog:
    """A file that grows by one line an uplink; belongs to the hub's thread.

    `connection` is that of the only writer: no other changes the position.
    """

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path.absolute()
        self._connection = connection

    def append(
        self,
        messages: Sequence[Message],
        parsed: ParsedBatch,
        columns: Columns,
        now: int,
    ) -> Write | None:
        """Append the lines of a batch received at `now` (ms).

        Returns what makes them valid in the transaction that keeps the batch; None
        where the file cannot be written.
        """
        found = ends(parsed, columns)
        try:
            position = self._position()
            text = "".join(_lines(messages, found, now, position.messages + 1))
            data = text.encode()
            self._write(position, data)
        except OSError as error:  # the log must never cost an uplink
            log.error("the outcome log lost lines", error=str(error))
            return None
        position.bytes += len(data)
        position.messages += len(messages)
        value = msgspec.json.encode(position).decode()
        return partial(counters.set_meta, key=META, value=value)

    def _position(self) -> LogPosition:
        """Where the next line belongs; the end of a file that we did not write."""
        size = self._path.stat().st_size if self._path.exists() else 0
        known = counters.get_meta(self._connection, META)
        if known is None:
            return LogPosition(str(self._path), size, 0)
        position = msgspec.json.decode(known, type=LogPosition)
        if position.file != str(self._path) or size < position.bytes:
            return LogPosition(str(self._path), size, position.messages)
        return position

    def _write(self, position: LogPosition, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o640)
        try:
            os.ftruncate(descriptor, position.bytes)
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], position.bytes + done)
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
