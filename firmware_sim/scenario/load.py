"""Find and read a scenario; all errors are reported together."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from firmware_sim.scenario.settings import Scenario

FOLDER = Path("config/scenarios")


class ScenarioError(Exception):
    """An invalid scenario; one line per error: file, key, what is wrong."""


def builtin_names() -> list[str]:
    """Return the names of the built-in scenarios."""
    folder = files("firmware_sim") / "scenarios"
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def own_names(folder: Path = FOLDER) -> list[str]:
    """Return the names of the scenarios in `folder`."""
    return sorted(file.stem for file in folder.glob("*.toml"))


def load(
    name: str, overrides: dict[str, Any] | None = None, folder: Path = FOLDER
) -> Scenario:
    """Load the scenario `name` (a file of `folder`, a built-in one, or a path).

    `base = "harsh"` in a file starts from another scenario. `overrides` replace keys,
    such as `{"town.bins": 200}`. Raises ScenarioError with all errors.
    """
    where, tables = _tables(name, folder, ())
    for key, value in (overrides or {}).items():
        section, _, rest = key.partition(".")
        tables.setdefault(section, {})[rest] = value
    try:
        return Scenario.model_validate(tables)
    except ValidationError as error:
        errors = [
            f"{where}: {'.'.join(map(str, e['loc'])) or 'scenario'}: {_message(e)}"
            for e in error.errors()
        ]
        raise ScenarioError("\n".join(errors)) from error


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "no such key"
    return str(error["msg"]).removeprefix("Value error, ")


def _tables(
    name: str, folder: Path, derived: tuple[str, ...]
) -> tuple[str, dict[str, Any]]:
    """Return the file of a scenario, and its tables merged over those of its base.

    `derived`: names of the scenarios that are based on it.
    """
    if name in derived:
        raise ScenarioError(f"{name}: base: goes round in a circle")
    where, text = _text(name, folder)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{where}: syntax: {error}") from error
    base = tables.pop("base", None)
    if base is None:
        return where, tables
    _, under = _tables(str(base), folder, (*derived, name))
    under.pop("description", None)
    for key, value in tables.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        under[key] = {**under[key], **value} if both else value
    return where, under


def _text(name: str, folder: Path) -> tuple[str, str]:
    own = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        if own.exists():
            return str(own), own.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{own}: file: {error}") from error
    if name in builtin_names():
        file = files("firmware_sim") / "scenarios" / f"{name}.toml"
        return f"{name}.toml", file.read_text("utf-8")
    known = ", ".join(sorted({*builtin_names(), *own_names(folder)}))
    raise ScenarioError(f"no scenario {name!r}; one of {known}")
