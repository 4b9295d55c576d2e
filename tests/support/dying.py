"""Die at each step of preparing a data folder: `python -m tests.support.dying FOLDER`.

A step is an SQL statement or a change of a file. For step 1, 2, ... a child process
prepares a copy of FOLDER (`FOLDER-1`, ...) and kills itself there. Prints the number
of steps.
"""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 - once, and not in every child
import sqlalchemy.dialects.sqlite  # noqa: F401

from sensorhub.store import migration

FILES = frozenset({"os.rename", "os.remove", "os.chmod"})


def at_step(number: int, act: Callable[[], None]) -> None:
    """Call `act` at the step `number` of what this process does from now on."""
    steps = count(1)

    def step(_: str) -> None:
        if next(steps) == number:
            act()

    def heard(event: str, _: tuple[object, ...]) -> None:
        if event in FILES:
            step(event)

    connect = sqlite3.connect

    def traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(step)
        return connection

    sys.addaudithook(heard)
    sqlite3.connect = traced  # type: ignore[assignment]


def main(folder: Path) -> None:
    """Die at each step, in a copy of `folder` each."""
    for number in count(1):
        copy = folder.with_name(f"{folder.name}-{number}")
        shutil.copytree(folder, copy)
        child = os.fork()
        if child == 0:
            at_step(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
            migration.prepare(copy)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            print(number - 1)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
