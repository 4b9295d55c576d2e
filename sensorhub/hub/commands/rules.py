"""Rules change: a file was edited, somebody applied a file or went back a version."""

from sensorhub.hub.commands.context import CommandContext
from sensorhub.hub.commands.result import Result
from sensorhub.hub.hub import Hub
from sensorhub.rules.schema import parse_rules
from sensorhub.store import rule_versions
from sensorhub.store.hot.changeset import ChangeSet

FILE = "file"  # the author of what rules.toml says


def take_file(context: CommandContext) -> Result:
    """What rules.toml says now is the next version."""
    return _change(context.hub, context.command.arguments["text"], FILE, context.now)


def apply(context: CommandContext) -> Result:
    """An operator's rules are the next version; the same text again changes nothing.

    A kill may come between the new version and the act's result: it is applied
    again then.
    """
    note = str(context.command.arguments.get("note") or "")
    return _next(
        context.hub,
        context.command.arguments["text"],
        context.command.by,
        context.now,
        note,
    )


def roll_back(context: CommandContext) -> Result:
    """An old version's text is the next version."""
    version = int(context.command.arguments["version"])
    row = rule_versions.get(context.hub.connection, version)
    if row is None:
        raise ValueError(f"no version {version}; `sensorhub rules history` lists them")
    return _next(
        context.hub,
        row.text,
        context.command.by,
        context.now,
        f"back to version {version}",
    )


def _next(hub: Hub, text: str, by: str, now: int, note: str) -> Result:
    if by == FILE:
        raise ValueError(f"{FILE!r} stands for rules.toml: act under another name")
    latest, current = rule_versions.latest(hub.connection)
    if text == current:
        return {"version": latest, "changed": False}
    return _change(hub, text, by, now, note) | {"changed": True}


def _change(hub: Hub, text: str, by: str, now: int, note: str = "") -> Result:
    """Checkpoint, write the version, begin anew; raises ConfigError where unsound."""
    parse_rules(text, standards=hub.configuration.standards)
    hub.checkpoint_all()
    change_set = ChangeSet()
    change_set.writes.append(lambda c: rule_versions.add(c, text, by, now, note))
    hub.commit(change_set)
    hub.rebuild()
    return {"version": hub.session.rules_version}
