"""rules: what they are, how they came to be; changing and testing them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli import rule_tests
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.rules.diff import RuleChanges, changes, tables
from sensorhub.rules.schema import parse_rules, read_rules, read_rules_file
from sensorhub.store import rule_versions
from sensorhub.store.rule_versions import RuleVersion

app = typer.Typer(no_args_is_help=True, help="Alert rules: versions, changes, tests.")
command(app, "test")(rule_tests.play_tests)
Version = Annotated[int | None, typer.Option(help="Version. Default: the newest.")]


def _versions(context: Context) -> list[RuleVersion]:
    with context.connection() as connection:
        return rule_versions.listing(connection)


def _version(context: Context, number: int | None) -> RuleVersion:
    """A version of the rules; the newest where none is named."""
    found = {row.version: row for row in _versions(context)}
    row = found.get(max(found) if number is None else number)
    if row is None:
        refuse(f"no version {number}; `sensorhub rules history` lists them")
    return row


@command(app, "list")
def list_(context: Context, version: Version = None) -> None:
    """List the rules in force, or those of an older version."""
    row = _version(context, version)
    found = tables(row.text)
    if context.json:
        print_json({"version": row.version, "rules": list(found.values())})
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
    _tell_of_file(context, row)


def _level(level: dict[str, Any]) -> str:
    limit = level.get("standard", level.get("raise"))
    return f"{level['severity']} {limit}"


def _tell_of_file(context: Context, row: RuleVersion) -> None:
    """Say so where rules.toml is not what holds."""
    path = context.config / "rules.toml"
    if path.exists() and read_rules(context.config) != row.text:
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


@command(app, "show")
def show(
    context: Context,
    rule: Annotated[str, typer.Argument(help="Rule id.")],
    version: Version = None,
) -> None:
    """Show one rule, key by key."""
    found = tables(_version(context, version).text)
    if rule not in found:
        refuse(f"no such rule: {rule!r}; one of {', '.join(found)}")
    if context.json:
        print_json(found[rule])
        return
    for key, value in found[rule].items():
        print(f"{key} = {_words(value)}")


@command(app, "diff")
def diff(
    context: Context,
    before: Annotated[
        str | None, typer.Argument(help="Version or file. Default: the newest version.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Argument(
            help="Version or file. Default: rules.toml, or the newest version."
        ),
    ] = None,
) -> None:
    """Compare two versions or files. Default: the newest and rules.toml."""
    newest = _version(context, None)
    own = (newest.text, f"version {newest.version}")
    if before is None:
        first, second = own, _text(context, str(context.config / "rules.toml"))
    else:
        first = _text(context, before)
        second = own if after is None else _text(context, after)
    found = changes(first[0], second[0])
    if context.json:
        print_json(found._asdict() | {"changed": [x._asdict() for x in found.changed]})
        return
    _tell(found, first[1], second[1])


def _text(context: Context, name: str) -> tuple[str, str]:
    """Sound rules out of a version or a file, and what to call them."""
    if name.isdigit():
        row = _version(context, int(name))
        return row.text, f"version {row.version}"
    text = read_rules_file(Path(name))
    parse_rules(text, name, context.standards)
    return text, name


def _tell(found: RuleChanges, first: str, second: str) -> None:
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


@command(app, "export")
def export(
    context: Context,
    out: Annotated[
        Path | None, typer.Option(help="Output file. Default: standard output.")
    ] = None,
    version: Version = None,
) -> None:
    """Print the rules as TOML, as they were written."""
    row = _version(context, version)
    if out is not None:
        out.write_text(row.text, "utf-8")
    if context.json:
        print_json({"version": row.version, "text": row.text})
    elif out is None:
        print(row.text, end="")
    else:
        print(f"version {row.version} is in {out}")


@command(app, "history")
def history(
    context: Context,
) -> None:
    """List all versions: when, by whom, and what changed."""
    found = _versions(context)
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
    if context.json:
        print_json(rows)
        return
    for row, version in zip(rows, found, strict=True):
        row["at"] = context.local(version.at)
    names = ["version", "at", "by", "rules", "changes", "note"]
    table("versions of the rules", names, [[row[n] for n in names] for row in rows])
    _tell_of_file(context, found[-1])


@command(app, "apply")
def apply(
    context: Context,
    file: Annotated[Path, typer.Argument(help="Rules file.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why, for your colleagues.")] = "",
) -> None:
    """Put the rules of a file in force at once. Open alerts are kept."""
    text = read_rules_file(file)
    parse_rules(text, str(file), context.standards)
    result = context.ask(by, "rules_apply", {"text": text, "note": note})
    _done(context, result)


@command(app, "rollback")
def rollback(
    context: Context,
    version: Annotated[int, typer.Argument(help="Version, see `rules history`.")],
    by: By,
) -> None:
    """Go back to an old version. Its text becomes the next version."""
    _done(context, context.ask(by, "rules_rollback", {"version": version}))


def _done(context: Context, result: dict[str, Any]) -> None:
    number = result.get("version")
    if result.get("changed"):
        context.report(result, f"version {number} holds from now on")
    else:
        context.report(result, f"nothing to do: version {number} says the same")
