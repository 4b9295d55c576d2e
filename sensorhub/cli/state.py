"""state: how every asset stands now."""

from typing import Annotated, Any

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.model import BY_NO, NEVER, Severity
from sensorhub.views.asset_states import AssetStateReader, AssetStates


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "state")(state)


def state(
    context: Context,
    zone: Annotated[str | None, typer.Option(help="Only this zone.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
) -> None:
    """Show each asset's last values, last uplink and worst open alert."""
    with context.connection() as connection:
        seen = AssetStateReader(connection).look(context.now())
    chosen = [
        row
        for row, (id_, in_) in enumerate(zip(seen.ids, seen.zones, strict=True))
        if zone in (None, in_) and asset in (None, id_)
    ]
    if not chosen and (zone or asset):
        refuse("no asset is like that; see `sensorhub fleet list`")
    views = [view(seen, row) for row in chosen]
    if context.json:
        print_json(views)
        return
    rows: list[list[Any]] = [
        [
            one["zone"],
            one["asset"],
            one["severity"],
            context.local(_known(seen.heard_at[row])),
            ", ".join(
                f"{name} {reading['value']:g} {reading['unit']}".rstrip()
                for name, reading in one["values"].items()
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
