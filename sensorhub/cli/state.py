"""state: how every asset stands now."""

from contextlib import closing
from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.common import (
    CONFIG,
    DATA,
    Config,
    Data,
    Json,
    hub_now,
    local,
    opened,
    refuse,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.model import BY_NO, NEVER, Severity
from sensorhub.store import database
from sensorhub.views.asset_states import AssetStateReader, AssetStates


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("state")(state)


def state(
    zone: Annotated[str | None, typer.Option(help="only this zone")] = None,
    asset: Annotated[str | None, typer.Option(help="only this asset")] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """How every asset stands: last values, when heard, the worst open alert."""
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        seen = AssetStateReader(connection).look(hub_now(workspace, settings))
    chosen = [
        row
        for row, (id_, in_) in enumerate(zip(seen.ids, seen.zones, strict=True))
        if zone in (None, in_) and asset in (None, id_)
    ]
    if not chosen and (zone or asset):
        refuse("no asset is like that; see `sensorhub fleet list`")
    views = [view(seen, row) for row in chosen]
    if json_:
        say_json(views)
        return
    rows: list[list[Any]] = [
        [
            one["zone"],
            one["asset"],
            one["severity"],
            local(_known(seen.heard_at[row]), settings),
            ", ".join(
                f"{name} {told['value']:g} {told['unit']}".rstrip()
                for name, told in one["values"].items()
            ),
        ]
        for row, one in zip(chosen, views, strict=True)
    ]
    names = ["zone", "asset", "alert", "heard", "values"]
    table("state", names, rows, keep=("asset",))


def view(seen: AssetStates, row: int) -> dict[str, Any]:
    """An asset as `state --json` shows it."""
    values = {}
    for code, (at, value) in sorted(seen.values.items()):
        if at[row] != NEVER:
            values[BY_NO[code].name] = {
                "value": float(value[row]),
                "unit": BY_NO[code].unit,
                "measured_at": rfc3339(int(at[row])),
            }
    severity = Severity(int(seen.severity[row]))
    return {
        "zone": seen.zones[row],
        "asset": seen.ids[row],
        "severity": severity.word if severity else None,
        "heard_at": rfc3339(_known(seen.heard_at[row])),
        "values": values,
    }


def _known(at: Any) -> int | None:
    return None if at == NEVER else int(at)
