"""rules: what they are, how they came to be; changing and testing them."""

import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli import ruletesting
from sensorhub.cli.common import (
    CONFIG,
    DATA,
    By,
    Config,
    Data,
    Json,
    ask,
    local,
    opened,
    refuse,
    said,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.hub.workspace import Workspace
from sensorhub.rules.diff import Changes, changes, tables
from sensorhub.rules.schema import parse_rules, read_rules, read_rules_file
from sensorhub.standards import load_standards
from sensorhub.store import database, rule_versions
from sensorhub.store.rule_versions import RuleVersion

app = typer.Typer(no_args_is_help=True, help="Rules: look at them, change, test them.")
app.command("test")(ruletesting.play_tests)
Version = Annotated[int | None, typer.Option(help="default: the newest")]


def _versions(workspace: Workspace) -> list[RuleVersion]:
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        return rule_versions.listing(connection)


def _version(workspace: Workspace, number: int | None) -> RuleVersion:
    """A version of the rules; the newest where none is named."""
    found = {row.version: row for row in _versions(workspace)}
    row = found.get(max(found) if number is None else number)
    if row is None:
        refuse(f"no version {number}; `sensorhub rules history` lists them")
    return row


@app.command("list")
def list_(
    version: Version = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """The rules in force, or those of an older version."""
    workspace, _, _ = opened(config, data)
    row = _version(workspace, version)
    found = tables(row.text)
    if json_:
        say_json({"version": row.version, "rules": list(found.values())})
        return
    names = ["rule", "kind", "category", "measurement", "levels", "for"]
    shown = [
        [
            rule["id"],
            rule["kind"],
            rule["category"],
            rule.get("measurement"),
            ", ".join(map(_level, rule["levels"])),
            _words(rule["select"]) if "select" in rule else "all assets",
        ]
        for rule in found.values()
    ]
    table(f"rules, version {row.version} by {row.author}", names, shown)
    _tell_of_file(workspace, row)


def _level(level: dict[str, Any]) -> str:
    limit = level.get("standard", level.get("raise"))
    return f"{level['severity']} {limit}"


def _tell_of_file(workspace: Workspace, row: RuleVersion) -> None:
    """Say so where rules.toml is not what holds."""
    path = workspace.config / "rules.toml"
    if path.exists() and read_rules(workspace.config) != row.text:
        print(f"note: {path} differs, see `sensorhub rules diff`", file=sys.stderr)


def _words(value: Any) -> str:
    """A value as it would stand in the file: TOML's plain values are JSON's."""
    if value is None:
        return ""
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_words(x)}" for key, x in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_words, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)


@app.command("show")
def show(
    rule: Annotated[str, typer.Argument(help="its id")],
    version: Version = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """One rule, key by key."""
    workspace, _, _ = opened(config, data)
    found = tables(_version(workspace, version).text)
    if rule not in found:
        refuse(f"no such rule: {rule!r}; one of {', '.join(found)}")
    if json_:
        say_json(found[rule])
        return
    for key, value in found[rule].items():
        print(f"{key} = {_words(value)}")


@app.command("diff")
def diff(
    before: Annotated[
        str | None, typer.Argument(help="a version or a file; default: the newest")
    ] = None,
    after: Annotated[
        str | None, typer.Argument(help="default: rules.toml, or the newest")
    ] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """What differs between two versions or files; by default what rules.toml has."""
    workspace, _, _ = opened(config, data)
    newest = _version(workspace, None)
    own = (newest.text, f"version {newest.version}")
    if before is None:
        first, second = own, _text(workspace, str(config / "rules.toml"))
    else:
        first = _text(workspace, before)
        second = own if after is None else _text(workspace, after)
    found = changes(first[0], second[0])
    if json_:
        say_json(found._asdict() | {"changed": [x._asdict() for x in found.changed]})
        return
    _tell(found, first[1], second[1])


def _text(workspace: Workspace, name: str) -> tuple[str, str]:
    """Sound rules out of a version or a file, and what to call them."""
    if name.isdigit():
        row = _version(workspace, int(name))
        return row.text, f"version {row.version}"
    text = read_rules_file(Path(name))
    parse_rules(text, name, load_standards(workspace.config))
    return text, name


def _tell(found: Changes, first: str, second: str) -> None:
    if found.none:
        print(f"{first} and {second} say the same")
        return
    rows = [["added", rule, "", "", ""] for rule in found.added]
    rows += [["removed", rule, "", "", ""] for rule in found.removed]
    rows += [
        ["changed", x.rule, x.key, _words(x.before), _words(x.after)]
        for x in found.changed
    ]
    rows += [["changed", "[[inhibit]]", "", "", ""]] * found.inhibit
    names = ["what", "rule", "key", first, second]
    table(f"{first} and {second}", names, rows, keep=("rule",))


@app.command("export")
def export(
    out: Annotated[Path | None, typer.Option(help="a file; default: print it")] = None,
    version: Version = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """The rules as TOML, as they were written; loads to the same rules."""
    workspace, _, _ = opened(config, data)
    row = _version(workspace, version)
    if out is not None:
        out.write_text(row.text, "utf-8")
    if json_:
        say_json({"version": row.version, "text": row.text})
    elif out is None:
        print(row.text, end="")
    else:
        print(f"version {row.version} is in {out}")


@app.command("history")
def history(config: Config = CONFIG, data: Data = DATA, json_: Json = False) -> None:
    """Every version: when, by whom, and what it changed."""
    workspace, settings, _ = opened(config, data)
    found = _versions(workspace)
    before = ["", *(row.text for row in found)]
    rows = [
        {
            "version": row.version,
            "at": rfc3339(row.at),
            "by": row.author,
            "note": row.note,
            "rules": len(tables(row.text)),
            "changes": changes(old, row.text).words() if number else "",
        }
        for number, (old, row) in enumerate(zip(before, found, strict=False))
    ]
    if json_:
        say_json(rows)
        return
    for row, version in zip(rows, found, strict=True):
        row["at"] = local(version.at, settings)
    names = ["version", "at", "by", "rules", "changes", "note"]
    table("versions of the rules", names, [[row[n] for n in names] for row in rows])
    _tell_of_file(workspace, found[-1])


@app.command("apply")
def apply(
    file: Path,
    by: By,
    note: Annotated[str, typer.Option(help="why, for the others")] = "",
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Make a file the rules in force, at once; open alerts are kept."""
    workspace, _, _ = opened(config, data)
    text = read_rules_file(file)
    parse_rules(text, str(file), load_standards(config))
    result = ask(workspace, by, "rules_apply", {"text": text, "note": note})
    _done(result, json_)


@app.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(help="see `rules history`")],
    by: By,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Go back to an old version: its text is the next version."""
    workspace, _, _ = opened(config, data)
    _done(ask(workspace, by, "rules_rollback", {"version": version}), json_)


def _done(result: dict[str, Any], json_: bool) -> None:
    number = result.get("version")
    if result.get("changed"):
        said(result, json_, f"version {number} holds from now on")
    else:
        said(result, json_, f"nothing to do: version {number} says the same")
