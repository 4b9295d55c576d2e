"""A real MQTT broker out of a wheel, for demo and tests: no root, no Docker.

iotcore carries rumqttd. Measured: its MQTT 3.1.1 listener keeps persistent sessions
and tens of thousands of offline messages in memory, delivers at most 100 messages
beyond the last acknowledged one, and after a reconnect everything from there on, in
order and never with DUP set. Its MQTT 5 listener forgets sessions, so use 3.1.1. It
has no way to stop but the end of its process, which forgets all.
"""

import argparse
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOCAL = "127.0.0.1"
MAX_PAYLOAD = 1 << 20


def free_port(wanted: int = 0) -> int:
    """`wanted` where nobody listens on it, else any free local port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOCAL, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on this machine")


def command(port: int) -> list[str]:
    """How to start the broker; it ends when its standard input closes."""
    return [sys.executable, "-m", "firmware_sim.demo.broker", "--port", str(port)]


def wait_until_open(port: int, timeout_s: float = 15.0) -> None:
    """Return when the port accepts connections; TimeoutError when it never does."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((LOCAL, port), timeout=0.2):
                return
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {timeout_s:.0f} s")


@contextmanager
def running(port: int = 0) -> Iterator[int]:
    """A broker of its own for the time of the block; gives its port."""
    chosen = free_port(port)
    process = subprocess.Popen(  # noqa: S603 - our own module
        command(chosen), stdin=subprocess.PIPE
    )
    try:
        wait_until_open(chosen)
        yield chosen
    finally:
        process.terminate()
        process.wait(10)
        if process.stdin:
            process.stdin.close()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Run the broker until its standard input closes or a signal comes."""
    from iotcore import IotCoreBroker

    parser = argparse.ArgumentParser(prog="python -m firmware_sim.broker")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--listen", default=LOCAL)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig(level=logging.WARNING)
    # rumqttd writes a record of level ERROR for each packet it routes
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    IotCoreBroker(
        listen=arguments.listen,
        port=arguments.port,
        max_payload_size=MAX_PAYLOAD,
    ).run_forever()


if __name__ == "__main__":
    main()
