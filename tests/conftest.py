"""What every test gets."""

import functools
import gc
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import typer.main
from hypothesis import settings

from sensorhub.cli.main import main
from tests.support.calls import Run
from tests.support.opened import closing_all

settings.register_profile("untimed", deadline=None)  # time gates no test
settings.load_profile("untimed")

# the commands of an app are the same at each call, and take 15 ms to build
typer.main.get_command = functools.cache(typer.main.get_command)

BIN = """[[assets]]
id = "bin-1"
kind = "bin"
site = "park"
zone = "east"
device = "d-1"
profile = "native"
"""


def log_plainly() -> None:
    """Log as by default, but exceptions as Python prints them: rich needs 0.1 s."""
    structlog.reset_defaults()
    *others, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[*others, renderer])


log_plainly()


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A test that sets up the log does so for itself only."""
    yield
    log_plainly()


@pytest.fixture(autouse=True)
def opened() -> Iterator[None]:
    """What a test leaves open is closed."""
    with closing_all():
        yield


def pytest_collection_finish() -> None:
    """Keep modules and tests, which stay to the end, out of each garbage collection."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="what kills at random moments go by")


@pytest.fixture
def seed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> int:
    """The option --seed, else another one each time; it is printed."""
    given: int | None = request.config.getoption("--seed")
    seed = random.randrange(2**32) if given is None else given
    with capsys.disabled():
        print(f"\n{request.node.name}: --seed {seed}")
    return seed


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with settings of one bin."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "fleet.toml").write_text(BIN, "utf-8")
    return tmp_path


@pytest.fixture
def run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A command on that folder: exit code, output, errors."""

    def call(*words: str, data: str | None = None) -> tuple[int, str, str]:
        folders = ["--config", str(place / "config")]
        folders += ["--data", str(place / "data") if data is None else data]
        monkeypatch.setattr(sys, "argv", ["sensorhub", *words, *folders])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call
