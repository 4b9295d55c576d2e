"""forecast: when each bin will be full."""

from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.config.schema import parse_duration
from sensorhub.model import AssetKind
from sensorhub.views.forecasts import EmptyingView, ForecastView, forecasts_view

HOUR_S = 3_600
FARTHEST = ">168"  # hours
BASES = {
    "own": "own rate",
    "naive": "last day's rate",
    "young": "not known yet: too new",
    "nothing": "not known yet: no reading",
    "silent": "not known: silent",
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "forecast")(forecast)


def forecast(
    context: Context,
    asset: Annotated[str | None, typer.Option(help="Only this asset.")] = None,
    kind: Annotated[
        AssetKind | None, typer.Option(help="Only this kind of asset.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Only this zone.")] = None,
    within: Annotated[
        str | None,
        typer.Option(help="Only bins that are more likely full than not by then: 24h."),
    ] = None,
) -> None:
    """Show how full each bin is now, when it will be full, and how sure that is."""
    hours = _hours(within)
    now = context.now()
    with context.connection() as connection:
        views = [
            view
            for view in forecasts_view(
                connection, context.settings, context.profiles, now
            )
            if asset in (None, view["asset"])
            and kind in (None, view["kind"])
            and zone in (None, view["zone"])
            and (hours is None or _by_then(view, hours))
        ]
    if asset is not None and not views and hours is None:
        refuse(f"{asset!r} is no asset with a level sensor; see `sensorhub fleet list`")
    if context.json:
        print_json(views)
        return
    names = ["asset", "name", "zone", "fill %", "full 24 h", "before round"]
    names += ["hours to full", "emptied", "rests on"]
    rows = [_row(context, view) for view in views]
    table("forecasts", names, rows, keep=("fill %", "hours to full"))


def _hours(within: str | None) -> float | None:
    if within is None:
        return None
    try:
        return parse_duration(within) / HOUR_S / 1000
    except ValueError as error:
        refuse(str(error))


def _by_then(view: ForecastView, hours: float) -> bool:
    full = view["hours_to_full"]
    return full is not None and full <= hours


def _row(context: Context, view: ForecastView) -> list[Any]:
    return [
        view["asset"],
        "" if view["name"] == view["asset"] else view["name"],
        view["zone"],
        _fill(view),
        _percent(view["p_full_24h"]),
        _percent(view["p_before_round"]),
        _full(view),
        _emptied(context, view["emptied"]),
        _rests(view),
    ]


def _fill(view: ForecastView) -> str:
    if view["fill"] is None:
        return ""
    return f"{view['fill']:.0f} ({view['fill_10']:.0f}-{view['fill_90']:.0f})"


def _percent(chance: float | None) -> str:
    return "" if chance is None else f"{100 * chance:.0f} %"


def _full(view: ForecastView) -> str:
    if view["p_full_24h"] is None:
        return ""
    hours = (view["h10"], view["hours_to_full"], view["h90"])
    return " / ".join(FARTHEST if h is None else f"{h:.0f}" for h in hours)


def _emptied(context: Context, service: EmptyingView | None) -> str:
    if service is None:
        return ""
    at = context.local_text(service["at"])[5:16]  # the year is in --json
    amount = service["amount"]
    return at if amount is None else f"{at} ({amount:.0f} %)"


def _rests(view: ForecastView) -> str:
    words = BASES[view["basis"]]
    if view["basis"] != "own":
        return words
    return f"{words}, {view['week']} week"
