"""The server of `sensorhub tail`: uplinks as JSON lines over a Unix socket.

Every connected client gets one line an uplink. A slow client loses whole lines; the
hub never waits for it, and does no work while no client is connected.
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
    """The socket's address, within its limit however long the folder's path is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        direct = Path(f"/proc/self/fd/{descriptor}")
        yield str((direct if direct.exists() else folder) / FILE)
    finally:
        os.close(descriptor)


class TailClient:
    """A connected client. A line once begun is sent whole; later lines are dropped."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def send(self, data: bytes) -> bool:
        """Send as much as the socket takes; False where the client has left."""
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
    """Accepts clients on a thread of its own; `show` is called in the hub's thread."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.Lock()  # guards _clients
        self._clients: list[TailClient] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        with address(folder) as path:
            self._server.bind(path)
        self._path.chmod(0o600)
        self._server.listen(8)
        threading.Thread(target=self._accept, name="tail", daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            with self._lock:
                self._clients.append(TailClient(connection))

    @property
    def watched(self) -> bool:
        """Whether a client is connected."""
        return bool(self._clients)

    def show(self, registry: Registry, parsed: ParsedBatch, columns: Columns) -> None:
        """Send a batch to the clients; logs what fails, and raises nothing."""
        try:
            shown = lines(registry, parsed, columns)
            data = b"".join(msgspec.json.encode(line) + b"\n" for line in shown)
        except Exception:
            log.exception("tail could not show a batch")
            return
        with self._lock:
            self._clients = [c for c in self._clients if c.send(data)]

    def close(self) -> None:
        """Close the server and all its connections."""
        self._server.close()
        with self._lock:
            for client in self._clients:
                client.socket.close()
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
                        "reason": _word(int(columns.quality_reason[j])),
                    }
                    for j in range(first, last)
                ],
                "ts_replaced": _time(replaced.get(i)),
                "ignored": parsed.ignored.get(i, []),
            }
        )
        first = last
    return shown


def _time(at: int | None) -> str | None:
    """A device's own time; in ms where it is no date."""
    try:
        return rfc3339(at)
    except (ValueError, OverflowError, OSError):
        return f"{at} ms"


def _word(reason: int) -> str | None:
    return Reason(reason).word if reason else None
