"""The demo's hub: a separate process, controlled by its command line.

Its clock begins at `clock.start` when it first loads, and its data folder stores that
time: a restarted hub, and each command, have the same clock.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.clock import MINUTE, rfc3339
from firmware_sim.demo.event_log import HubCounters, parse_counters
from firmware_sim.demo.processes import ChildProcess

COMMAND = (sys.executable, "-m", "sensorhub")
CALL_S = 60.0
QUICK_S = 5.0  # a hub that ends sooner, and not by a signal, failed to start
QUICK_ENDS = 3
OUTPUT_LINES = 12  # shown of a failed command


class HubError(RuntimeError):
    """The hub or one of its commands failed; the text has the end of its output."""


@dataclass(frozen=True, slots=True)
class HubPaths:
    """The hub's settings, its data folder and the broker's port."""

    config: Path
    data: Path
    port: int

    @property
    def options(self) -> tuple[str, ...]:
        """The command line options of both folders."""
        return ("--config", str(self.config), "--data", str(self.data))

    @property
    def env(self) -> dict[str, str]:
        """Environment variables of settings that the demo overrides."""
        return {
            "SENSORHUB_MQTT__HOST": "127.0.0.1",
            "SENSORHUB_MQTT__PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }


class HubProcess:
    """Starts the hub, restarts it when it ends, and reads its counters."""

    def __init__(self, paths: HubPaths, start: int, speed: float) -> None:
        """Set the hub's clock: from `start` (epoch ms) at `speed` times real time."""
        self.paths = paths
        self.restarts = 0
        self._start = start
        self._speed = speed
        self._child: ChildProcess | None = None
        self._started_at = 0.0
        self._quick_ends = 0

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return self._child.pid if self._child and self._child.code is None else None

    def call(self, *arguments: str) -> str:
        """Run a `sensorhub` command and return its output. Raises HubError."""
        try:
            result = subprocess.run(  # noqa: S603 - our own command line
                (*COMMAND, *arguments, *self.paths.options),
                capture_output=True,
                text=True,
                check=False,
                timeout=CALL_S,
                env={**os.environ, **self._env(up=self._child is not None)},
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise HubError(
                f"sensorhub {arguments[0]}: no answer in {CALL_S:.0f} s"
            ) from None
        if result.returncode:
            lines = (result.stderr or result.stdout).strip().splitlines()
            output = "\n".join(lines[-OUTPUT_LINES:])
            raise HubError(f"sensorhub {' '.join(arguments)} failed:\n{output}")
        return result.stdout

    def counters(self) -> HubCounters | None:
        """Return the hub's counters; None if they are not available now."""
        try:
            return parse_counters(self.call("status", "--json"))
        except HubError:
            return None

    def start(self) -> None:
        """Start the process."""
        command = (*COMMAND, "hub", *self.paths.options)
        self._child = ChildProcess(
            command, self.paths.data / "hub.log", self._env(up=True)
        )
        self._started_at = time.monotonic()

    def _env(self, *, up: bool) -> dict[str, str]:
        # Commands before the hub's first start have a clock one minute earlier.
        begin = self._start if up else self._start - MINUTE
        return {
            **self.paths.env,
            "SENSORHUB_CLOCK__START": rfc3339(begin),
            "SENSORHUB_CLOCK__SPEED": str(self._speed if up else 1.0),
        }

    def keep_alive(self) -> bool:
        """Restart the hub if it has ended; return whether it had.

        Raises HubError if it repeatedly ends soon after its start.
        """
        if self._child is None or self._child.code is None:
            return False
        quick = self._child.code >= 0 and time.monotonic() - self._started_at < QUICK_S
        self._quick_ends = self._quick_ends + 1 if quick else 0
        if self._quick_ends >= QUICK_ENDS:
            raise HubError(f"the hub does not stay up:\n{self._child.tail()}")
        self._child.stop()
        self.restarts += 1
        self.start()
        return True

    def tail(self) -> str:
        """Return the end of its log."""
        return self._child.tail() if self._child else ""

    def stop(self) -> None:
        """End the process."""
        if self._child:
            self._child.stop()
