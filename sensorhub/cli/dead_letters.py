"""dead-letters: uplinks that could not be used, kept whole."""

import base64
from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.store.hot import dead_letters
from sensorhub.store.hot.dead_letters import DeadLetter

app = typer.Typer(
    no_args_is_help=True, help="Uplinks that could not be decoded or validated."
)


def _view(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "received_at": rfc3339(letter.received_at),
        "topic": letter.topic,
        "device": letter.device,
        "reason": letter.reason,
        "detail": letter.detail,
        "payload": base64.b64encode(letter.payload).decode(),
        "replayed_at": rfc3339(letter.replayed_at),
    }


@command(app, "list")
def list_(
    context: Context,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only with this reason.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number.")] = 100,
) -> None:
    """List the newest dead letters."""
    with context.connection() as connection:
        found = dead_letters.listing(
            connection, device=device, reason=reason, limit=limit
        )
    if context.json:
        print_json([_view(letter) for letter in found])
        return
    rows = [
        [
            x.id,
            context.local(x.received_at),
            x.device or x.topic,
            x.reason,
            x.detail,
            context.local(x.replayed_at),
        ]
        for x in found
    ]
    names = ["id", "received", "device", "reason", "detail", "replayed"]
    table("dead letters", names, rows, keep=("device",))


@command(app, "show")
def show(
    context: Context, letter: Annotated[int, typer.Argument(help="Dead letter id.")]
) -> None:
    """Show one dead letter with its bytes."""
    with context.connection() as connection:
        found = dead_letters.by_ids(connection, [letter])
    if not found:
        refuse(f"no dead letter {letter}")
    if context.json:
        print_json(_view(found[0]))
        return
    for key, value in _view(found[0]).items():
        print(f"{key}: {value}")
    print(f"text: {found[0].payload[:2000].decode('utf-8', 'backslashreplace')}")


@command(app, "replay")
def replay(
    context: Context,
    by: By,
    letters: Annotated[
        list[int] | None, typer.Argument(help="Dead letter ids.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="All of this device.")] = None,
) -> None:
    """Process dead letters again. Fills history; raises and notifies nothing."""
    ids = list(letters or ())
    with context.connection() as connection:
        known = {letter.id for letter in dead_letters.by_ids(connection, ids)}
        more = [] if device is None else dead_letters.of_device(connection, device)
    unknown = [str(id_) for id_ in ids if id_ not in known]
    if unknown:
        refuse(f"no dead letter {', '.join(unknown)}; nothing was replayed")
    ids += [letter.id for letter in more]
    if not ids:
        refuse("name dead letters by their ids, or a device that has some")
    result = context.ask(by, "replay", {"ids": ids})
    words = f"{result.get('replayed', 0)} replayed, {result.get('still_dead', 0)} dead"
    context.report(result, words)


@command(app, "purge")
def purge(
    context: Context,
    by: By,
    device: Annotated[str | None, typer.Option(help="Only of this device.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask for confirmation.")
    ] = False,
) -> None:
    """Delete dead letters permanently."""
    if not yes:
        typer.confirm(f"delete dead letters of {device or 'ALL devices'}?", abort=True)
    result = context.ask(by, "purge", {"device": device})
    context.report(result, f"{result.get('purged', 0)} purged")
