"""The demo as a user sees it: alerts rise and resolve, a kill loses nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim.demo import broker

PATIENCE_S = 90


class Demo:
    """A running demo whose plain lines can be waited for."""

    def __init__(self, data: Path, *more: str) -> None:
        command = [sys.executable, "-m", "firmware_sim", "demo", "--data", str(data)]
        self.process = subprocess.Popen(
            [*command, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line from here on that matches."""
        deadline = time.monotonic() + PATIENCE_S
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
            assert time.monotonic() < deadline, self.text
        pytest.fail(f"ended without {pattern!r}:\n{self.text}")

    def finish(self) -> int:
        """Its exit code, after SIGINT as from Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.lines.append(rest)
        return self.process.returncode

    @property
    def text(self) -> str:
        return "".join(self.lines)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path / "demo", "--port", str(broker.free_port()))
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(PATIENCE_S)
    if running.process.stdout:
        running.process.stdout.close()


def ended(pid: int) -> bool:
    """Whether no process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_alerts_rise_and_resolve_and_a_killed_hub_loses_nothing(demo: Demo) -> None:
    first = int(demo.wait_for(r"hub is up, process (\d+)")[1])
    demo.wait_for(r"\bfiring\b.*full")
    os.kill(first, signal.SIGKILL)
    second = int(demo.wait_for(r"restarted, process (\d+)")[1])
    demo.wait_for(r"\bresolved\b.*full")
    assert demo.finish() == 0, demo.text
    assert re.search(r"sent .* in transit 0 .*nothing missing", demo.text)
    assert "sensorhub alerts --all --data" in demo.text.splitlines()[-3]
    assert ended(first)
    assert ended(second)
