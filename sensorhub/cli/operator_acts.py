"""ack, assign, service, silence: an operator acts."""

from typing import Annotated

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.config.schema import parse_duration
from sensorhub.store.hot import alerts

silence_app = typer.Typer(
    no_args_is_help=True, help="Hold notifications back for a time."
)
AlertId = Annotated[str, typer.Argument(help="Alert id, or its beginning.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "ack")(ack)
    command(app, "assign")(assign)
    command(app, "service")(service)


def ack(
    context: Context,
    alert: AlertId,
    by: By,
    note: Annotated[str, typer.Option(help="What you know about it.")] = "",
) -> None:
    """Acknowledge an alert. It stays open until sensor data resolve it."""
    before = _acknowledged_by(context, alert)
    result = context.ask(by, "acknowledge", {"alert": alert, "note": note})
    after = f"; {before} had it before" if before not in (None, by) else ""
    context.report(result, f"{by} has alert {alert}{after}")


def _acknowledged_by(context: Context, alert: str) -> str | None:
    """Who has acknowledged an open alert so far."""
    with context.connection() as connection:
        found = [
            row.acknowledged_by
            for row in alerts.load_open(connection)
            if row.id.startswith(alert)
        ]
    return found[0] if len(found) == 1 else None


def assign(
    context: Context,
    alert: AlertId,
    to: Annotated[str, typer.Option(help="Crew or person.")],
    by: By,
    note: Annotated[str, typer.Option(help="What they should know.")] = "",
) -> None:
    """Assign an alert to a crew or a person."""
    result = context.ask(by, "assign", {"alert": alert, "to": to, "note": note})
    context.report(result, f"alert {alert} is assigned to {to}")


def service(
    context: Context,
    asset: Annotated[str, typer.Argument(help="Asset id.")],
    kind: Annotated[str, typer.Argument(help="`emptied` or `cleaned`.")],
    by: By,
    at: Annotated[
        str | None, typer.Option(help="When, RFC 3339. Default: now.")
    ] = None,
) -> None:
    """Record that an asset was emptied or cleaned."""
    if kind not in ("emptied", "cleaned"):
        refuse(f"a service is emptied or cleaned, not {kind!r}")
    arguments = {"asset": asset, "kind": kind, "at": context.parse_time(at)}
    result = context.ask(by, "service", arguments)
    context.report(result, f"{asset}: {kind}, reported by {by}")


@command(silence_app, "add")
def silence_add(
    context: Context,
    by: By,
    zone: Annotated[str | None, typer.Option(help="Zone id.")] = None,
    asset: Annotated[str | None, typer.Option(help="Asset id.")] = None,
    rule: Annotated[str | None, typer.Option(help="Rule id.")] = None,
    until: Annotated[str | None, typer.Option(help="End, RFC 3339.")] = None,
    for_: Annotated[
        str, typer.Option("--for", help="Or for how long: 30m, 8h, 2d.")
    ] = "8h",
    comment: Annotated[str, typer.Option(help="Why, for your colleagues.")] = "",
) -> None:
    """Hold back notifications of a zone, an asset or a rule. Danger is never held."""
    end = context.parse_time(until)
    if end is None:
        try:
            span = parse_duration(for_)
        except ValueError as error:
            refuse(str(error))
        end = context.now() + span
    arguments = {
        "zone": zone,
        "asset": asset,
        "rule": rule,
        "until": end,
        "comment": comment,
    }
    result = context.ask(by, "silence", arguments)
    if result.get("applied", True) and "id" not in result:
        result = {"id": _newest(context, end, by)} | result
    context.report(result, f"silence {result.get('id')} until {context.local(end)}")


def _newest(context: Context, end: int, by: str) -> int | None:
    """The id of the silence that `by` just added."""
    with context.connection() as connection:
        found = [
            row["id"]
            for row in alerts.silence_rows(connection, end - 1)
            if row["by"] == by and row["until"] == end
        ]
    return max(found, default=None)


@command(silence_app, "list")
def silence_list(context: Context) -> None:
    """List silences that have not ended."""
    now = context.now()
    with context.connection() as connection:
        rows = alerts.silence_rows(connection, now)
    if context.json:
        for row in rows:
            row["from"], row["until"] = rfc3339(row["from"]), rfc3339(row["until"])
        print_json(rows)
        return
    for row in rows:
        row["from"] = context.local(row["from"])
        row["until"] = context.local(row["until"])
    names = ["id", "zone", "asset", "rule", "from", "until", "by", "comment"]
    table("silences", names, [[row[name] for name in names] for row in rows])


@command(silence_app, "remove")
def silence_remove(
    context: Context,
    silence: Annotated[int, typer.Argument(help="Silence id, see `silence list`.")],
    by: By,
) -> None:
    """End a silence before its time."""
    result = context.ask(by, "unsilence", {"silence": silence})
    context.report(result, f"silence {silence} has ended")
