"""codecs: the JavaScript payload codecs that profiles name."""

import json
from typing import Annotated

import typer

from sensorhub.cli.context import By, Context, command
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.store.hot import counters

app = typer.Typer(no_args_is_help=True, help="JavaScript payload codecs.")


@command(app, "list")
def list_(context: Context) -> None:
    """List codecs, the profiles that name them, and which are switched off."""
    with context.connection() as connection:
        off = json.loads(counters.get_meta(connection, "codecs_off") or "{}")
    users: dict[str, list[str]] = {}
    for profile in context.profiles.values():
        if profile.codec:
            users.setdefault(profile.codec, []).append(profile.name)
    rows = [
        {"codec": name, "profiles": users[name], "off": off.get(name)}
        for name in sorted(users)
    ]
    if context.json:
        print_json(rows)
        return
    shown = [[r["codec"], ", ".join(users[str(r["codec"])]), r["off"]] for r in rows]
    table("codecs", ["codec", "profiles", "switched off"], shown)


@command(app, "on")
def on(
    context: Context,
    codec: Annotated[str, typer.Argument(help="File name, see `codecs list`.")],
    by: By,
) -> None:
    """Switch on a codec that exceeded its limits. Then replay its dead letters."""
    result = context.ask(by, "codec_on", {"codec": codec})
    context.report(result, f"codec {codec} is switched on")
