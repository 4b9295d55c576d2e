"""ack, assign, service, silence: an operator acts."""

from contextlib import closing
from typing import Annotated

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.common import (
    CONFIG,
    DATA,
    By,
    Config,
    Data,
    Json,
    ask,
    hub_now,
    local,
    moment,
    opened,
    refuse,
    said,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.config.schema import parse_duration
from sensorhub.hub.workspace import Workspace
from sensorhub.store import alerts, database

silence_app = typer.Typer(no_args_is_help=True, help="Hold notifications back a while.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ack")(ack)
    app.command("assign")(assign)
    app.command("service")(service)


def ack(
    alert: Annotated[str, typer.Argument(help="its id, or how that begins")],
    by: By,
    note: Annotated[str, typer.Option(help="what you know")] = "",
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Say that you have an alert; it stays open until the data end it."""
    workspace, _, _ = opened(config, data)
    before = _had(workspace, alert)
    result = ask(workspace, by, "acknowledge", {"alert": alert, "note": note})
    after = f"; {before} had it before" if before not in (None, by) else ""
    said(result, json_, f"{by} has alert {alert}{after}")


def _had(workspace: Workspace, alert: str) -> str | None:
    """Who acknowledged an open alert so far."""
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        found = [
            row.acknowledged_by
            for row in alerts.load_open(connection)
            if row.id.startswith(alert)
        ]
    return found[0] if len(found) == 1 else None


def assign(
    alert: Annotated[str, typer.Argument(help="its id, or how that begins")],
    to: Annotated[str, typer.Option(help="crew or person")],
    by: By,
    note: Annotated[str, typer.Option(help="what they should know")] = "",
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Give an alert to a crew or person."""
    workspace, _, _ = opened(config, data)
    result = ask(workspace, by, "assign", {"alert": alert, "to": to, "note": note})
    said(result, json_, f"alert {alert} is assigned to {to}")


def service(
    asset: Annotated[str, typer.Argument(help="its id")],
    kind: Annotated[str, typer.Argument(help="emptied or cleaned")],
    by: By,
    at: Annotated[str | None, typer.Option(help="RFC 3339; default: now")] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Say that an asset was emptied or cleaned."""
    if kind not in ("emptied", "cleaned"):
        refuse(f"a service is emptied or cleaned, not {kind!r}")
    workspace, settings, _ = opened(config, data)
    arguments = {"asset": asset, "kind": kind, "at": moment(at, settings)}
    result = ask(workspace, by, "service", arguments)
    said(result, json_, f"{asset}: {kind}, says {by}")


@silence_app.command("add")
def silence_add(
    by: By,
    zone: Annotated[str | None, typer.Option(help="id of a zone")] = None,
    asset: Annotated[str | None, typer.Option(help="id of an asset")] = None,
    rule: Annotated[str | None, typer.Option(help="id of a rule")] = None,
    until: Annotated[str | None, typer.Option(help="its end, RFC 3339")] = None,
    for_: Annotated[str, typer.Option("--for", help="or how long: 30m, 8h, 2d")] = "8h",
    comment: Annotated[str, typer.Option(help="why, for the others")] = "",
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Hold back notifications of a zone, an asset, a rule; danger is never held."""
    workspace, settings, _ = opened(config, data)
    end = moment(until, settings)
    if end is None:
        try:
            span = parse_duration(for_)
        except ValueError as error:
            refuse(str(error))
        end = hub_now(workspace, settings) + span
    arguments = {
        "zone": zone,
        "asset": asset,
        "rule": rule,
        "until": end,
        "comment": comment,
    }
    result = ask(workspace, by, "silence", arguments)
    if result.get("applied", True) and "id" not in result:
        result = {"id": _newest(workspace, end, by)} | result
    said(result, json_, f"silence {result.get('id')} until {local(end, settings)}")


def _newest(workspace: Workspace, end: int, by: str) -> int | None:
    """The id of the silence that `by` just added."""
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        found = [
            row["id"]
            for row in alerts.silence_rows(connection, end - 1)
            if row["by"] == by and row["until"] == end
        ]
    return max(found, default=None)


@silence_app.command("list")
def silence_list(
    config: Config = CONFIG, data: Data = DATA, json_: Json = False
) -> None:
    """Silences that have not ended."""
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        now = hub_now(workspace, settings)
        rows = alerts.silence_rows(connection, now)
    if json_:
        for row in rows:
            row["from"], row["until"] = rfc3339(row["from"]), rfc3339(row["until"])
        say_json(rows)
        return
    for row in rows:
        row["from"] = local(row["from"], settings)
        row["until"] = local(row["until"], settings)
    names = ["id", "zone", "asset", "rule", "from", "until", "by", "comment"]
    table("silences", names, [[row[name] for name in names] for row in rows])


@silence_app.command("remove")
def silence_remove(
    silence: Annotated[int, typer.Argument(help="its id, see `silence list`")],
    by: By,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """End a silence before its time."""
    workspace, _, _ = opened(config, data)
    result = ask(workspace, by, "unsilence", {"silence": silence})
    said(result, json_, f"silence {silence} has ended")
