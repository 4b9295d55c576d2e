"""codecs: the JavaScript payload codecs that profiles name."""

import json
from contextlib import closing
from typing import Annotated

import typer

from sensorhub.cli.common import (
    CONFIG,
    DATA,
    By,
    Config,
    Data,
    Json,
    ask,
    opened,
    said,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.store import counters, database

app = typer.Typer(no_args_is_help=True, help="JavaScript payload codecs.")


@app.command("list")
def list_(config: Config = CONFIG, data: Data = DATA, json_: Json = False) -> None:
    """Codecs, the profiles that name them, and which are switched off."""
    workspace, _, profiles = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        off = json.loads(counters.get_meta(connection, "codecs_off") or "{}")
    users: dict[str, list[str]] = {}
    for profile in profiles.values():
        if profile.codec:
            users.setdefault(profile.codec, []).append(profile.name)
    rows = [
        {"codec": name, "profiles": users[name], "off": off.get(name)}
        for name in sorted(users)
    ]
    if json_:
        say_json(rows)
        return
    shown = [[r["codec"], ", ".join(users[str(r["codec"])]), r["off"]] for r in rows]
    table("codecs", ["codec", "profiles", "switched off"], shown)


@app.command("on")
def on(
    codec: Annotated[str, typer.Argument(help="its file, see `codecs list`")],
    by: By,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Switch on again a codec that met its limits; replay its dead letters after."""
    workspace, _, _ = opened(config, data)
    result = ask(workspace, by, "codec_on", {"codec": codec})
    said(result, json_, f"codec {codec} is switched on")
