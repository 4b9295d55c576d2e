"""A real MQTT broker from a Python wheel, for demo and tests: no root, no Docker.

iotcore contains rumqttd. Measured: its MQTT 3.1.1 listener keeps persistent sessions
and tens of thousands of offline messages in memory, delivers at most 100 messages
beyond the last acknowledged one, and after a reconnect all from there on, in order and
never with DUP set. Its MQTT 5 listener loses sessions, so use 3.1.1. It can be stopped
only by ending its process, which loses all messages.
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
    """Return `wanted` if it is free, else any free local port. Raises OSError."""
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
    """Return the command line of the broker; it ends when its standard input closes."""
    return [sys.executable, "-m", "firmware_sim.demo.broker", "--port", str(port)]


def wait_until_open(port: int, timeout_s: float = 15.0) -> None:
    """Wait until the port accepts connections. Raises TimeoutError."""
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
    """Run a broker for the duration of the block; yield its port."""
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

    parser = argparse.ArgumentParser(prog="python -m firmware_sim.demo.broker")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--listen", default=LOCAL)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    logging.basicConfig(level=logging.WARNING)
    # rumqttd logs a record of level ERROR for each packet it routes
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    IotCoreBroker(
        listen=arguments.listen,
        port=arguments.port,
        max_payload_size=MAX_PAYLOAD,
    ).run_forever()


if __name__ == "__main__":
    main()
