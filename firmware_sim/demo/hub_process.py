"""The hub as the demo runs it: a process like any other, known by its command line.

Its clock begins at `clock.start` when it first loads, and its data folder remembers
that moment: a hub that is started again, and each command, have the same time.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.clock import MINUTE, rfc3339
from firmware_sim.demo.event_log import HubCounters, figures
from firmware_sim.demo.processes import ChildProcess

COMMAND = (sys.executable, "-m", "sensorhub")
CALL_S = 60.0
QUICK_S = 5.0  # a hub that ends sooner, and not by a signal, did not come up
QUICK_ENDS = 3
SAID_LINES = 12  # of a command that failed


class HubError(RuntimeError):
    """The hub does not do what the demo needs; carries what it said."""


@dataclass(frozen=True, slots=True)
class HubPaths:
    """Where the hub finds its settings, its data and the broker."""

    config: Path
    data: Path
    port: int

    @property
    def options(self) -> tuple[str, ...]:
        """The command line's two folders."""
        return ("--config", str(self.config), "--data", str(self.data))

    @property
    def env(self) -> dict[str, str]:
        """Settings of the broker that the demo overrides."""
        return {
            "SENSORHUB_MQTT__HOST": "127.0.0.1",
            "SENSORHUB_MQTT__PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }


class HubProcess:
    """Starts the hub, starts it again when it dies, and asks it for its figures."""

    def __init__(self, place: HubPaths, start: int, speed: float) -> None:
        """Hub time: from `start` (epoch ms) at `speed` times the real pace."""
        self.place = place
        self.restarts = 0
        self._start = start
        self._speed = speed
        self._child: ChildProcess | None = None
        self._born = 0.0
        self._quick = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child and self._child.code is None else None

    def call(self, *words: str) -> str:
        """Run one `sensorhub` command; its output. HubError where it fails."""
        try:
            result = subprocess.run(  # noqa: S603 - our own command line
                (*COMMAND, *words, *self.place.options),
                capture_output=True,
                text=True,
                check=False,
                timeout=CALL_S,
                env={**os.environ, **self._env(up=self._child is not None)},
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise HubError(
                f"sensorhub {words[0]}: no answer in {CALL_S:.0f} s"
            ) from None
        if result.returncode:
            lines = (result.stderr or result.stdout).strip().splitlines()
            said = "\n".join(lines[-SAID_LINES:])
            raise HubError(f"sensorhub {' '.join(words)} failed:\n{said}")
        return result.stdout

    def figures(self) -> HubCounters | None:
        """The hub's counters; None where they cannot be had now."""
        try:
            return figures(self.call("status", "--json"))
        except HubError:
            return None

    def start(self) -> None:
        """Start the process."""
        command = (*COMMAND, "hub", *self.place.options)
        self._child = ChildProcess(
            command, self.place.data / "hub.log", self._env(up=True)
        )
        self._born = time.monotonic()

    def _env(self, *, up: bool) -> dict[str, str]:
        # What is set up before the hub's first start is a minute old by then.
        begin = self._start if up else self._start - MINUTE
        return {
            **self.place.env,
            "SENSORHUB_CLOCK__START": rfc3339(begin),
            "SENSORHUB_CLOCK__SPEED": str(self._speed if up else 1.0),
        }

    def keep_alive(self) -> bool:
        """Start it again where it has ended; True where that was needed.

        Raises HubError where it ends by itself again and again at its start.
        """
        if self._child is None or self._child.code is None:
            return False
        quick = self._child.code >= 0 and time.monotonic() - self._born < QUICK_S
        self._quick = self._quick + 1 if quick else 0
        if self._quick >= QUICK_ENDS:
            raise HubError(f"the hub does not stay up:\n{self._child.tail()}")
        self._child.stop()
        self.restarts += 1
        self.start()
        return True

    def tail(self) -> str:
        """The end of its log."""
        return self._child.tail() if self._child else ""

    def stop(self) -> None:
        """End the process."""
        if self._child:
            self._child.stop()
