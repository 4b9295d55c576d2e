"""influx: what InfluxDB refused, and trying it again."""

from contextlib import closing
from typing import Annotated, Any

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
    local,
    opened,
    said,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.store import database, forward_rows
from sensorhub.store.forward_rows import LetterRow

app = typer.Typer(no_args_is_help=True, help="What InfluxDB refused.")


def _view(row: LetterRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at),
        "line": row.line,
        "readings": row.readings,
        "reason": row.reason,
        "retry": bool(row.retry),
    }


@app.command("refused")
def refused(
    limit: Annotated[int, typer.Option(help="at most so many")] = 100,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """The newest lines that InfluxDB refused, and why."""
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        found = forward_rows.letters(connection, limit)
    if json_:
        say_json([_view(row) for row in found])
        return
    rows = [[x.id, local(x.at, settings), x.line, x.reason] for x in found]
    table("refused by InfluxDB", ["id", "refused", "line", "reason"], rows)


@app.command("retry")
def retry(
    by: By, config: Config = CONFIG, data: Data = DATA, json_: Json = False
) -> None:
    """Send all refused lines once more, as soon as the hub forwards."""
    workspace, _, _ = opened(config, data)
    result = ask(workspace, by, "influx_retry", {})
    said(result, json_, f"{result.get('lines', 0)} lines are sent again")
