"""status, alerts, readings: what is known."""

from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.health import troubles
from sensorhub.cli.output import print_json, quality_text
from sensorhub.cli.tables import table
from sensorhub.hub.workspace import older_readings
from sensorhub.model import BY_NAME
from sensorhub.store import database
from sensorhub.store.rollups import Bucket
from sensorhub.views.listings import (
    AlertView,
    alerts_view,
    reading_view,
    readings_view,
)
from sensorhub.views.rollups import RollupView, rollups_view
from sensorhub.views.status import ClockView, DiskView, status_view

DAY_MS = 86_400_000


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "status")(status)
    command(app, "alerts")(alerts)
    command(app, "readings")(readings)


def status(
    context: Context,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Only check that the hub is well. Exits with 1 if it is not.",
        ),
    ] = False,
) -> None:
    """Show the hub's state and counters. Works without a running hub, too."""
    if check and not (context.data / database.FILE).exists():
        refuse(f"there is no database in {context.data}: no hub ever ran there")
    now = context.now()
    with context.connection() as connection:
        view = status_view(connection, context.data, context.settings, now)
    if check and (found := troubles(view)):
        refuse("; ".join(found))
    if check:
        print("well")
        return
    if context.json:
        print_json(view)
        return
    shown: dict[str, object] = {
        **view,
        "clock": clock_words(context, view["clock"]),
        "disk": disk_words(view["disk"]),
        "codecs_off": "; ".join(view["codecs_off"].values()),
        "forecasts_naive": ", ".join(view["forecasts_naive"]),
        "rules_refused": "; ".join(view["rules_refused"]),
        "last_uplink_at": context.local_text(view["last_uplink_at"]),
        "alive_at": context.local_text(view["alive_at"]),
        "heard_at": context.local_text(view["heard_at"]),
        "now": context.local_text(view["now"]),
    }
    del shown["counters"]  # a table of their own
    table("status", ["", "value"], [[key, value] for key, value in shown.items()])
    print()
    counters = view["counters"].items()
    table("counters", ["", "value"], [[key, value] for key, value in counters])


def clock_words(context: Context, clock: ClockView) -> str:
    """A hub's clock in words."""
    if clock["start"] is None and clock["speed"] == 1:
        return "real time"
    begun = f" from {context.local_text(clock['start'])}" if clock["start"] else ""
    return f"simulated{begun} at {clock['speed']:g} times its pace"


def disk_words(disk: DiskView) -> str:
    """Room on the disk in words."""
    words = f"{disk['free_mb']:,} MB free, {disk['reserve_mb']:,} MB kept in reserve"
    return f"{words}; uplinks wait at the broker" if disk["holding"] else words


def alerts(
    context: Context,
    all_: Annotated[
        bool, typer.Option("--all", help="Include resolved alerts.")
    ] = False,
) -> None:
    """List open alerts, or with --all every alert ever raised."""
    with context.connection() as connection:
        views = alerts_view(connection, all_=all_, standards=context.standards)
    if context.json:
        print_json(views)
        return
    rows = [
        [
            view["id"][:8],
            view["severity"],
            view["state"],
            f"{view['asset']} ({view['asset_name']})",
            view["rule"],
            context.local_text(view["started_at"])[5:16],  # the year is in --json
            _who(view),
            view["text"]["zh-CN"],
        ]
        for view in views
    ]
    names = ["id", "severity", "state", "asset", "rule", "started", "who", "text"]
    table("alerts", names, rows, keep=("severity", "state"))


def _who(view: AlertView) -> str:
    """Who has an alert."""
    holder, assignee = view["acknowledged_by"], view["assigned_to"]
    return "; ".join(
        [f"ack {holder}"] * bool(holder) + [f"assigned {assignee}"] * bool(assignee),
    )


def readings(
    context: Context,
    asset: Annotated[str, typer.Argument(help="Asset id or device id.")],
    measurement: Annotated[
        str | None, typer.Option("--measurement", "-m", help="Only this measurement.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Start, RFC 3339. Default: 24 hours ago.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End, RFC 3339. Default: now.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Rows in the table; the newest are shown.")
    ] = 100,
    by: Annotated[
        Bucket | None, typer.Option(help="Aggregate by hour or day of the town's time.")
    ] = None,
) -> None:
    """List the readings of an asset or a device in order of measured_at."""
    if measurement is not None and measurement not in BY_NAME:
        refuse(f"no such measurement: {measurement!r}; one of {', '.join(BY_NAME)}")
    end = context.parse_time(until)
    if end is None:
        end = context.now() + 1
    start = context.parse_time(since)
    start = end - DAY_MS if start is None else start
    asked = asset, measurement, (start, end)
    if by is not None:
        with context.connection() as connection:
            view = rollups_view(
                connection, *asked, bucket=by, zone=context.settings.timezone
            )
        _buckets(context, view, asset, limit)
        return
    with context.connection() as connection:
        found = readings_view(connection, *asked, older_readings(context.settings))
    if found is None:
        refuse(f"no such asset or device: {asset!r}; see `sensorhub fleet list`")
    if context.json:
        print_json([reading_view(reading) for reading in found])
        return
    shown = found[-limit:]
    rows: list[list[Any]] = [
        [
            context.local(r.measured_at),
            r.device,
            r.measurement,
            r.value,
            BY_NAME[r.measurement].unit,
            quality_text(r),
        ]
        for r in shown
    ]
    title = f"{asset}: {len(shown)} of {len(found)} readings"
    names = ["measured", "device", "measurement", "value", "unit", "quality"]
    table(title, names, rows, keep=("device",))


def _buckets(
    context: Context, found: list[RollupView] | None, name: str, limit: int
) -> None:
    if found is None:
        refuse(f"no such asset or device: {name!r}; see `sensorhub fleet list`")
    if context.json:
        print_json(found)
        return
    shown = [list(row.values()) for row in found[-limit:]]
    names = ["begins (UTC)", "device", "measurement", "unit", "first", "min", "max"]
    names += ["mean", "last", "count", "counted"]
    table(f"{name}: {len(shown)} of {len(found)} buckets", names, shown)
