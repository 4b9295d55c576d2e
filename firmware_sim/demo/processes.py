"""Processes that the demo starts: own log each, stopped for certain."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_S = 10.0


class ChildProcess:
    """A process in a session of its own, so that Ctrl-C reaches only the demo."""

    def __init__(
        self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                command,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, negative where a signal ended it."""
        return self._process.poll()

    def stop(self) -> int:
        """SIGTERM, after some patience SIGKILL; answers the exit code."""
        if self.code is None:
            self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """The end of its log."""
        text = self.log.read_text("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])
