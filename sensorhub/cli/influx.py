"""influx: what InfluxDB refused, and trying it again."""

from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import By, Context, command
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.store import forward_queue
from sensorhub.store.forward_queue import RefusedLineRow

app = typer.Typer(no_args_is_help=True, help="Lines that InfluxDB refused.")


def _view(row: RefusedLineRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "line": row.line,
        "readings": row.readings,
        "reason": row.reason,
        "retry": bool(row.retry),
    }


@command(app, "refused")
def refused(
    context: Context, limit: Annotated[int, typer.Option(help="Maximum number.")] = 100
) -> None:
    """List the newest lines that InfluxDB refused, and why."""
    with context.connection() as connection:
        found = forward_queue.letters(connection, limit)
    if context.json:
        print_json([_view(row) for row in found])
        return
    rows = [[x.id, context.local(x.at), x.line, x.reason] for x in found]
    table("refused by InfluxDB", ["id", "refused", "line", "reason"], rows)


@command(app, "retry")
def retry(context: Context, by: By) -> None:
    """Send all refused lines again when the hub next forwards."""
    result = context.ask(by, "influx_retry", {})
    context.report(result, f"{result.get('lines', 0)} lines are sent again")
