"""status, alerts, readings: what is known."""

from contextlib import closing
from typing import Annotated, Any

import typer

from sensorhub.cli.common import (
    CONFIG,
    DATA,
    Config,
    Data,
    Json,
    hub_now,
    local,
    local_text,
    moment,
    opened,
    reading_word,
    refuse,
    say_json,
)
from sensorhub.cli.health import troubles
from sensorhub.cli.tables import table
from sensorhub.config.settings import Settings
from sensorhub.hub.workspace import older_readings
from sensorhub.model import BY_NAME
from sensorhub.standards import load_standards
from sensorhub.store import database
from sensorhub.store.rollups import Bucket
from sensorhub.views.listings import (
    alerts_view,
    reading_view,
    readings_view,
)
from sensorhub.views.rollups import rollups_view
from sensorhub.views.status import status_view

DAY_MS = 86_400_000


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("alerts")(alerts)
    app.command("readings")(readings)


def status(
    check: Annotated[
        bool, typer.Option("--check", help="only: is the hub well? else 1 and why")
    ] = False,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """The hub's counters; answers also while no hub runs."""
    if check and not (data / database.FILE).exists():
        refuse(f"there is no database in {data}: no hub ever ran there")
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        view = status_view(
            connection, workspace.data, settings, hub_now(workspace, settings)
        )
    if check and (found := troubles(view)):
        refuse("; ".join(found))
    if check:
        print("well")
        return
    if json_:
        say_json(view)
        return
    numbers = view.pop("counters")
    view["clock"] = clock_words(view["clock"], settings)
    view["disk"] = disk_words(view["disk"])
    view["codecs_off"] = "; ".join(view["codecs_off"].values())
    view["forecasts_naive"] = ", ".join(view["forecasts_naive"])
    view["rules_refused"] = "; ".join(view["rules_refused"])
    for key in ("last_uplink_at", "alive_at", "heard_at", "now"):
        view[key] = local_text(view[key], settings)
    table("status", ["", "value"], [[key, value] for key, value in view.items()])
    print()
    table("counters", ["", "value"], [[key, value] for key, value in numbers.items()])


def clock_words(clock: dict[str, Any], settings: Settings) -> str:
    """A hub's clock in words."""
    if clock["start"] is None and clock["speed"] == 1:
        return "real time"
    begun = f" from {local_text(clock['start'], settings)}" if clock["start"] else ""
    return f"simulated{begun} at {clock['speed']:g} times its pace"


def disk_words(disk: dict[str, Any]) -> str:
    """Room on the disk in words."""
    words = f"{disk['free_mb']:,} MB free, {disk['reserve_mb']:,} MB kept in reserve"
    return f"{words}; uplinks wait at the broker" if disk["holding"] else words


def alerts(
    all_: Annotated[bool, typer.Option("--all", help="resolved ones too")] = False,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Open alerts, or all that ever were."""
    workspace, settings, _ = opened(config, data)
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        views = alerts_view(connection, all_=all_, standards=load_standards(config))
    if json_:
        say_json(views)
        return
    rows = [
        [
            view["id"][:8],
            view["severity"],
            view["state"],
            f"{view['asset']} ({view['asset_name']})",
            view["rule"],
            local_text(view["started_at"], settings)[5:16],  # the year is in --json
            _who(view),
            view["text"]["zh-CN"],
        ]
        for view in views
    ]
    names = ["id", "severity", "state", "asset", "rule", "started", "who", "text"]
    table("alerts", names, rows, keep=("severity", "state"))


def _who(view: dict[str, Any]) -> str:
    """Who has an alert."""
    has, told = view["acknowledged_by"], view["assigned_to"]
    return "; ".join(
        [f"ack {has}"] * bool(has) + [f"assigned {told}"] * bool(told),
    )


def readings(
    asset: str,
    measurement: Annotated[str | None, typer.Option("--measurement", "-m")] = None,
    since: Annotated[str | None, typer.Option(help="default: 24 h ago")] = None,
    until: Annotated[str | None, typer.Option(help="default: now")] = None,
    limit: Annotated[int, typer.Option(help="rows in the table, newest")] = 100,
    by: Annotated[Bucket | None, typer.Option(help="in buckets, of town time")] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """An asset's readings in order of measured_at, or one device's."""
    workspace, settings, _ = opened(config, data)
    if measurement is not None and measurement not in BY_NAME:
        refuse(f"no such measurement: {measurement!r}; one of {', '.join(BY_NAME)}")
    end = moment(until, settings)
    if end is None:
        end = hub_now(workspace, settings) + 1
    start = moment(since, settings)
    start = end - DAY_MS if start is None else start
    asked = asset, measurement, (start, end)
    if by is not None:
        with closing(database.connect(workspace.data, read_only=True)) as connection:
            view = rollups_view(connection, *asked, bucket=by, zone=settings.timezone)
        _buckets(view, asset, limit, json_)
        return
    with closing(database.connect(workspace.data, read_only=True)) as connection:
        found = readings_view(connection, *asked, older_readings(settings))
    if found is None:
        refuse(f"no such asset or device: {asset!r}; see `sensorhub fleet list`")
    if json_:
        say_json([reading_view(reading) for reading in found])
        return
    shown = found[-limit:]
    rows: list[list[Any]] = [
        [
            local(r.measured_at, settings),
            r.device,
            r.measurement,
            r.value,
            BY_NAME[r.measurement].unit,
            reading_word(r),
        ]
        for r in shown
    ]
    title = f"{asset}: {len(shown)} of {len(found)} readings"
    names = ["measured", "device", "measurement", "value", "unit", "quality"]
    table(title, names, rows, keep=("device",))


def _buckets(
    found: list[dict[str, Any]] | None, name: str, limit: int, json_: bool
) -> None:
    if found is None:
        refuse(f"no such asset or device: {name!r}; see `sensorhub fleet list`")
    if json_:
        say_json(found)
        return
    shown = [list(row.values()) for row in found[-limit:]]
    names = ["begins (UTC)", "device", "measurement", "unit", "first", "min", "max"]
    names += ["mean", "last", "count", "counted"]
    table(f"{name}: {len(shown)} of {len(found)} buckets", names, shown)
