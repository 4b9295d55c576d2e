"""fleet: the register of zones, sites, assets, devices and mountings."""

import sys
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from sensorhub.alerts.event import rfc3339
from sensorhub.cli.context import By, Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.tables import table
from sensorhub.errors import ConfigError
from sensorhub.fleet import export_csv, export_toml, plan, read_fleet
from sensorhub.hub.commands.register import describe
from sensorhub.store import register
from sensorhub.store.hot import dead_letters
from sensorhub.views.devices import DeviceView, devices_view

app = typer.Typer(
    no_args_is_help=True, help="Register of zones, sites, assets and devices."
)


@command(app, "import")
def import_(
    context: Context,
    file: Annotated[Path, typer.Argument(help="CSV or TOML file.")],
    by: By,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would change.")
    ] = False,
) -> None:
    """Import a CSV or TOML file into the register: all of it or nothing."""
    if not file.is_file():
        refuse(f"no such file: {file}")
    rows = read_fleet(file, ZoneInfo(context.settings.timezone))
    with context.connection() as connection:
        now = context.now()
        current = register.load_named(connection, rows)
        planned = plan(rows, current, now, context.profiles.keys())
    if dry_run:
        _dry(context, planned)
        return
    planned.check()
    if not (planned.added or planned.changed):
        result: dict[str, Any] = describe(planned)
    else:
        result = context.ask(by, "fleet_import", {"rows": rows.to_json()})
    words = f"{result.get('added', 0)} added, {result.get('changed', 0)} changed"
    context.report(result, f"{words}, {result.get('unchanged', 0)} unchanged")


def _dry(context: Context, planned: Any) -> None:
    view = describe(planned) | {"refused": [str(f) for f in planned.refused]}
    if context.json:
        print_json(view)
    else:
        for word in ("added", "changed"):
            for line in view[f"first_{word}"]:
                print(f"{word}: {line}")
            more = view[word] - len(view[f"first_{word}"])
            if more > 0:
                print(f"{word}: and {more} more")
        for note in view["notes"]:
            print(f"note: {note}")
        counts = f"{view['added']} added, {view['changed']} changed"
        print(f"{counts}, {len(planned.refused)} refused; nothing was written")
    if planned.refused:
        raise ConfigError(planned.refused)


@command(app, "export")
def export(
    context: Context,
    format_: Annotated[str, typer.Option("--format", help="`csv` or `toml`.")] = "csv",
) -> None:
    """Write the register to standard output. With --json: {"format", "text"}."""
    writers = {"csv": export_csv, "toml": export_toml}
    if format_ not in writers:
        refuse(f"the format is csv or toml, not {format_!r}")
    with context.connection() as connection:
        text = writers[format_](register.load(connection))
    if context.json:
        print_json({"format": format_, "text": text})
    else:
        print(text, end="")


@command(app, "list")
def list_(
    context: Context,
) -> None:
    """List assets with their devices and when those were last heard."""
    with context.connection() as connection:
        views = devices_view(connection, context.profiles, context.now())
    if context.json:
        print_json(views)
        return
    rows = [
        [
            view["asset"],
            view["kind"],
            f"{view['zone']} {view['site']}",
            view["device"],
            _state(view),
            context.local_text(view["last_uplink_at"]),
        ]
        for view in views
    ]
    names = ["asset", "kind", "zone, site", "device", "state", "last uplink"]
    table("fleet", names, rows, keep=("device",))


def _state(view: DeviceView) -> str:
    """Whether a device is heard, and whether its asset is in service."""
    out = "out of service" if view["out_of_service"] else None
    return ", ".join(word for word in (view["availability"], out) if word)


@command(app, "new")
def new(
    context: Context,
) -> None:
    """List new devices: heard, but not registered."""
    with context.connection() as connection:
        rows = dead_letters.new_devices(connection)
    names = ["device", "kept", "last_received_at", "topic"]
    if context.json:
        print_json(
            [
                {
                    "device": d,
                    "kept": n,
                    "last_received_at": rfc3339(at),
                    "topic": topic,
                }
                for d, n, at, topic in rows
            ]
        )
    else:
        shown = [[d, n, context.local(at), topic] for d, n, at, topic in rows]
        table("new devices", names, shown)


@command(app, "adopt")
def adopt(
    context: Context,
    device: Annotated[str, typer.Argument(help="Device id, as `fleet new` shows it.")],
    by: By,
    asset: Annotated[str, typer.Option(help="Asset that it is mounted on.")],
    profile: Annotated[str, typer.Option(help="Device profile.")] = "native",
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Mounted since, RFC 3339. Default: always."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="Site of a new asset.")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of a new site.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of a new asset.")] = None,
) -> None:
    """Register a new device. Its dead letters are replayed."""
    arguments = {"device": device, "asset": asset, "profile": profile, "from": from_}
    arguments |= {"site": site, "zone": zone, "kind": kind}
    given = {key: value for key, value in arguments.items() if value is not None}
    result = context.ask(by, "adopt", given)
    kept, replayed = result.get("kept", 0), result.get("replayed", 0)
    if result.get("applied", True) and not kept and not _was_heard(context, device):
        print(f"note: {device} was never heard of; is the id right?", file=sys.stderr)
    context.report(
        result, f"{device} is at {asset}; {replayed} of {kept} kept replayed"
    )


def _was_heard(context: Context, device: str) -> bool:
    """Whether a device of the register ever sent something."""
    with context.connection() as connection:
        views = devices_view(connection, context.profiles, context.now())
    return any(
        view["last_uplink_at"]
        for view in views
        if (view["device"] or "").lower() == device.lower()
    )
