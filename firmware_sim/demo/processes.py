"""Child processes of the demo: each has its own log and is always stopped."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

TERMINATE_S = 10.0


class ChildProcess:
    """A process in its own session, so that Ctrl-C reaches only the demo."""

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
        """The exit code; None while it runs, negative if a signal ended it."""
        return self._process.poll()

    def stop(self) -> int:
        """Send SIGTERM, after a timeout SIGKILL; return the exit code."""
        if self.code is None:
            self._process.terminate()
        try:
            self._process.wait(TERMINATE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        return self._process.wait()

    def tail(self, lines: int = 12) -> str:
        """Return the end of its log."""
        text = self.log.read_text("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])
