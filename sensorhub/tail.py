"""`tail`: uplinks as they come, over a socket in the data folder.

The hub writes one JSON line an uplink to whoever is connected and slow readers
lose lines, never the hub its time. Costs nothing while nobody looks.
"""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Any

import msgspec

from sensorhub.alerts.event import rfc3339
from sensorhub.columns import Columns
from sensorhub.draft import Draft
from sensorhub.model import BY_NO, Outcome, Quality, Reason
from sensorhub.registry import Registry

FILE = "tail.sock"
BUFFER = 1 << 20


class TailServer:
    """Accepts readers on a thread of its own; `show` is called by the pipeline."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._readers: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._server.bind(str(self._path))
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
            self._readers = [*self._readers, reader]

    @property
    def watched(self) -> bool:
        """Whether anybody looks."""
        return bool(self._readers)

    def show(self, registry: Registry, draft: Draft, columns: Columns) -> None:
        """Send a batch to the readers."""
        data = b"".join(
            msgspec.json.encode(line) + b"\n"
            for line in lines(registry, draft, columns)
        )
        for reader in self._readers:
            try:
                reader.sendall(data)
            except BlockingIOError:
                continue
            except OSError:
                self._readers = [
                    other for other in self._readers if other is not reader
                ]

    def close(self) -> None:
        """No more readers."""
        self._server.close()
        for reader in self._readers:
            reader.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


def lines(registry: Registry, draft: Draft, columns: Columns) -> list[dict[str, Any]]:
    """One object an uplink: readings, what was ignored, outcome and reason."""
    details = {dead.uplink: dead for dead in draft.dead}
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
                "ignored": draft.ignored.get(i, []),
            }
        )
        first = last
    return shown


def _word(reason: int) -> str | None:
    return Reason(reason).word if reason else None
