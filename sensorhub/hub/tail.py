"""`tail`: uplinks as they come, over a socket in the data folder.

The hub writes one JSON line an uplink to whoever is connected and slow readers
lose lines, never the hub its time. Costs nothing while nobody looks.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import structlog

from sensorhub.alerts.event import rfc3339
from sensorhub.columns import Columns
from sensorhub.ingest.parsed_batch import ParsedBatch
from sensorhub.model import BY_NO, Outcome, Quality, Reason
from sensorhub.registry.registry import Registry

log = structlog.get_logger()
FILE = "tail.sock"
BUFFER = 1 << 20


@contextlib.contextmanager
def address(folder: Path) -> Iterator[str]:
    """The socket's address, short however long the folder's path is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        direct = Path(f"/proc/self/fd/{descriptor}")
        yield str((direct if direct.exists() else folder) / FILE)
    finally:
        os.close(descriptor)


class _Reader:
    """One who looks. A line begun is finished; whole lines are left out."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def send(self, data: bytes) -> bool:
        """Send what it takes; False where the reader is gone."""
        if len(self._rest) < BUFFER:
            self._rest += data
        try:
            while self._rest:
                sent = self.socket.send(self._rest)
                self._rest = self._rest[sent:]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


class TailServer:
    """Accepts readers on a thread of its own; `show` is called by the pipeline."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()  # guards _readers
        self._readers: list[_Reader] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        with address(folder) as workspace:
            self._server.bind(workspace)
        self._path.chmod(0o600)
        self._server.listen(8)
        threading.Thread(target=self._accept, name="tail", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                reader, _ = self._server.accept()
            except OSError:
                return
            reader.setblocking(False)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            with self._lock:
                self._readers.append(_Reader(reader))

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._readers)

    def show(self, registry: Registry, parsed: ParsedBatch, columns: Columns) -> None:
        """Send a batch to the readers; a fault here is no fault of the batch."""
        try:
            shown = lines(registry, parsed, columns)
            data = b"".join(msgspec.json.encode(line) + b"\n" for line in shown)
        except Exception:
            log.exception("tail could not show a batch")
            return
        with self._lock:
            self._readers = [r for r in self._readers if r.send(data)]

    def close(self) -> None:
        """No more readers."""
        self._server.close()
        with self._lock:
            for reader in self._readers:
                reader.socket.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


def lines(
    registry: Registry, parsed: ParsedBatch, columns: Columns
) -> list[dict[str, Any]]:
    """One object an uplink: readings, what was ignored, outcome and reason."""
    details = {dead.uplink: dead for dead in parsed.dead}
    replaced = dict(parsed.replaced)
    shown = []
    first = 0
    for i in range(columns.uplinks):
        last = first + int(columns.count[i])
        device = int(columns.device[i])
        asset = int(registry.asset_of[device]) if device >= 0 else -1
        dead = details.get(i)
        name = registry.device_ids[device] if device >= 0 else dead and dead.device
        shown.append(
            {
                "received_at": rfc3339(int(columns.received_at[i])),
                "device": name,
                "asset": registry.asset_ids[asset] if asset >= 0 else None,
                "seq": int(columns.seq[i]) if columns.seq[i] >= 0 else None,
                "outcome": Outcome(int(columns.outcome[i])).name.lower(),
                "reason": _word(int(columns.reason[i])),
                "detail": dead.detail if dead else None,
                "readings": [
                    {
                        "measurement": BY_NO[int(columns.code[j])].name,
                        "value": float(columns.value[j]),
                        "unit": BY_NO[int(columns.code[j])].unit,
                        "measured_at": rfc3339(int(columns.measured_at[j])),
                        "quality": Quality(int(columns.quality[j])).name.lower(),
                        "reason": _word(int(columns.why[j])),
                    }
                    for j in range(first, last)
                ],
                "ts_replaced": _said(replaced.get(i)),
                "ignored": parsed.ignored.get(i, []),
            }
        )
        first = last
    return shown


def _said(at: int | None) -> str | None:
    """A time that a device said, however far off."""
    try:
        return rfc3339(at)
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"


def _word(reason: int) -> str | None:
    return Reason(reason).word if reason else None
