"""What `--help` says: each command, argument and option in a full sentence."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from sensorhub.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
OPERATIONS = PAGE.read_text("utf-8")


def commands(
    command: typer.core.TyperCommand | TyperGroup, path: str
) -> Iterator[tuple[str, str]]:
    yield path, command.help or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", "") or ""
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


ROOT = typer.main.get_command(app)
HELPS = list(commands(ROOT, "sensorhub"))  # type: ignore[arg-type]


def test_there_are_commands() -> None:
    assert len(HELPS) > 100


@pytest.mark.parametrize(("path", "text"), HELPS)
def test_a_help_text_is_a_sentence(path: str, text: str) -> None:
    assert text, path
    assert text[0].isupper() or text[0] in "`1", (path, text)
    assert text.endswith("."), (path, text)


ROWS = re.findall(
    r"^\| `([a-z-]+)[^|]*\|", OPERATIONS.partition("| `sensorhub.db`")[0], re.M
)


def test_the_operations_page_lists_every_command_and_no_other() -> None:
    known = {path.split()[1] for path, _ in HELPS if path.count(" ") == 1}
    options = {parameter.name for parameter in ROOT.params}
    assert len(ROWS) > 20
    assert set(ROWS) - known == set()
    assert known - options - set(re.findall(r"`([a-z-]+)", OPERATIONS)) == set()
