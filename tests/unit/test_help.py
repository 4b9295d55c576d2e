"""What `--help` says: each command, argument and option in a full sentence."""

from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup

from sensorhub.cli.main import app


def commands(
    command: typer.core.TyperCommand | TyperGroup, path: str
) -> Iterator[tuple[str, str]]:
    yield path, command.help or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", "") or ""
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{path} {name}")


HELPS = list(commands(typer.main.get_command(app), "sensorhub"))  # type: ignore[arg-type]


def test_there_are_commands() -> None:
    assert len(HELPS) > 100


@pytest.mark.parametrize(("path", "text"), HELPS)
def test_a_help_text_is_a_sentence(path: str, text: str) -> None:
    assert text, path
    assert text[0].isupper() or text[0] in "`1", (path, text)
    assert text.endswith("."), (path, text)
