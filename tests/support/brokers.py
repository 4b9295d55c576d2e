"""A real mosquitto for tests: started on a free port, stopped, killed, restarted."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_S = 20.0


T = TypeVar("T")


def until(condition: Callable[[], T], what: str, wait_s: float = PATIENCE_S) -> T:
    """Wait for a condition; fail with `what` when it does not come."""
    end = time.monotonic() + wait_s
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {wait_s} s in vain: {what}"
        time.sleep(0.02)
    return answer


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need_mosquitto() -> str:
    """The broker's program; skips the test without it, but fails in CI."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed, but CI needs it")
        pytest.skip("mosquitto is not installed")
    return program


class Mosquitto:
    """One broker with its own folder; what it keeps outlives `stop`, not `kill`."""

    def __init__(self, folder: Path, extra: str = "", listener: str = "") -> None:
        self.program = need_mosquitto()
        self.port = free_port()
        self.folder = folder
        self.log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        anonymous = "" if "allow_anonymous" in extra else "allow_anonymous true"
        user = "user root" if os.geteuid() == 0 else ""
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n{listener}\n{anonymous}\n{user}\n"
            f"persistence true\npersistence_location {folder}/\n"
            f"max_queued_messages 0\nmax_inflight_messages 1000\n{extra}\n"
        )

    def start(self) -> "Mosquitto":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-c", str(self._config)], stdout=log, stderr=log
            )
        until(self._answers, f"mosquitto on port {self.port}")
        return self

    def _answers(self) -> bool:
        process = self._process
        assert process is not None
        assert process.poll() is None, self.log.read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End it as a service manager would; sessions are kept."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: everything since its last save is lost."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_S)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> "Mosquitto":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


class Peer:
    """Another client of the broker: publishes, and keeps what it receives."""

    def __init__(self, port: int, filters: Iterable[str] = ()) -> None:
        self.received: list[tuple[str, bytes, bool]] = []
        self._filters = list(filters)
        self._ready = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: setattr(self, "_ready", True)
        self._client.on_message = lambda _c, _d, m: self.received.append(
            (m.topic, bytes(m.payload), m.retain)
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(lambda: self._ready, "peer connected")

    def _connected(self, *_event: object) -> None:
        if self._filters:
            self._client.subscribe([(name, 1) for name in self._filters])
        else:
            self._ready = True

    def send(
        self, messages: Iterable[tuple[str, bytes]], qos: int = 1, retain: bool = False
    ) -> None:
        """Publish all; returns when the broker has them."""
        sent = [self._client.publish(t, p, qos, retain) for t, p in messages]
        for info in sent:
            info.wait_for_publish(PATIENCE_S)
            assert info.is_published(), "the broker took not all"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_event: object) -> None:
        self.close()
