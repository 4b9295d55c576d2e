"""A process that publishes rounds at QoS 1, as told line by line on its input.

`go ROUNDS RATE`: send so many rounds, RATE uplinks a second (0: as fast as they
are taken); answers `done` once the broker has all. `until N`: never be further
than N uplinks, counted from the process's start.
"""

import socket
import sys
import threading
import time
from collections import deque

import numpy as np

from tests.bench.packets import World

WINDOW = 8_000  # most unacknowledged
BURST_S = 0.005  # a paced publisher sends what is due so often
CONNECT = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04benc"


class Connection:
    """A socket to the broker that counts what was acknowledged."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(CONNECT)
        self._socket.recv(4, socket.MSG_WAITALL)
        self._acked = 0
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        size = 0
        while data := self._socket.recv(1 << 16):
            size += len(data)
            with self._changed:
                self._acked = size // 4
                self._changed.notify()

    def send(self, data: bytes) -> None:
        """Send whole packets."""
        self._socket.sendall(data)

    def wait(self, until: int) -> None:
        """Until so many in all are acknowledged."""
        with self._changed:
            self._changed.wait_for(lambda: self._acked >= until)


class Publisher:
    """Sends rounds in parts, each within the window."""

    def __init__(self, port: int, world: World) -> None:
        self._connection = Connection(port)
        self._world = world
        self._sent = 0
        self.until = sys.maxsize
        self._rounds: deque[np.ndarray] = deque()

    def prepare(self, rounds: int) -> None:
        """Make rounds ahead, so that making them takes no CPU from the measured."""
        for _ in range(rounds):
            self._rounds.append(self._world.next_round())

    def send(self, rounds: int, rate: float) -> None:
        """Send rounds; `rate` in uplinks a second, 0 for no limit."""
        began, before = time.monotonic(), self._sent
        part = max(1, int(rate * BURST_S)) if rate else WINDOW // 4
        for _ in range(rounds):
            if not self._rounds:
                self.prepare(1)
            rows = self._rounds.popleft()
            self._world.number(rows, self._sent)
            for at in range(0, len(rows), part):
                piece = rows[at : at + part]
                if rate:
                    due = began + (self._sent - before) / rate
                    time.sleep(max(0.0, due - time.monotonic()))
                while self._sent > self.until:
                    time.sleep(0.005)
                self._connection.wait(self._sent + len(piece) - WINDOW)
                self._connection.send(piece.tobytes())
                self._sent += len(piece)
        self._connection.wait(self._sent)


def main(port: str, devices: str, form: str, change: str, start: str) -> None:
    """Follow the orders that come in."""
    world = World(int(devices), form, float(change), int(start))
    publisher = Publisher(int(port), world)
    orders: deque[list[str]] = deque()
    arrived = threading.Condition()

    def work() -> None:
        while True:
            with arrived:
                arrived.wait_for(lambda: orders)
                order = orders.popleft()
            if order[0] == "prepare":
                publisher.prepare(int(order[1]))
            else:
                publisher.send(int(order[1]), float(order[2]))
            print("done", flush=True)

    threading.Thread(target=work, daemon=True).start()
    for line in sys.stdin:
        order = line.split()
        if order[0] == "until":
            publisher.until = int(order[1])
            continue
        with arrived:
            orders.append(order)
            arrived.notify()


if __name__ == "__main__":
    main(*sys.argv[1:])
