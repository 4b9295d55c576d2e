"""Command line of the simulator: live towns, traces, scenarios, the demo."""

import json
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from firmware_sim.clock import parse_time, wall_ms
from firmware_sim.demotown.fleet import fleet_csv, town
from firmware_sim.families.command import devices
from firmware_sim.live.command import RunRequest, TooManyClientsError, run_scenario
from firmware_sim.live.demo_town import run_demo_town
from firmware_sim.mqtt import (
    BrokerAddress,
)
from firmware_sim.output.trace import write_trace
from firmware_sim.plot.command import plot
from firmware_sim.reality import run as reality
from firmware_sim.scenario import ScenarioError, builtin_names, load
from firmware_sim.scenario.load import own_names
from firmware_sim.score.command import run as score

app = typer.Typer(
    help="Simulate bins, toilets and their sensors.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("score")(score)
app.command("devices")(devices)
AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
DEMO_DATA = Path("data/demo")
DEMO_START = "2026-06-01T07:00:00+08:00"
Speed = Annotated[
    float, typer.Option(min=1, max=100_000, help="Simulated seconds per second.")
]
Seed = Annotated[
    int, typer.Option(help="Seed of random numbers; one seed gives one town.")
]


def _time(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Start = Annotated[
    str | None,
    typer.Option(help="Simulated time at the start, RFC 3339 with offset."),
]


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from None


def stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C, SIGTERM and a closed terminal set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@app.command()
def run(
    scenario: Annotated[
        str | None, typer.Argument(help="See `scenarios`; default: the demo's town.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Host name or address of the broker.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the broker.")] = 1883,
    start: Start = None,
    speed: Speed = 1.0,
    seed: Seed = 1,
    hours: Annotated[
        float | None, typer.Option(help="Simulated hours; default: until stopped.")
    ] = None,
    username: Annotated[
        str | None, typer.Option(help="User name at the broker.")
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="FIRMWARE_SIM_PASSWORD", help="Prefer the environment variable."
        ),
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password.")
    ] = None,
    bins: Annotated[int | None, typer.Option(min=0, help="Number of bins.")] = None,
    toilets: Annotated[
        int | None, typer.Option(min=0, help="Number of toilets.")
    ] = None,
    servers: Annotated[
        bool, typer.Option("--servers", help="Use one MQTT client for all devices.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for register, rounds and labels.")
    ] = None,
) -> None:
    """Publish a town to an MQTT broker. Without --start, simulated time is real time.

    Each native device of a scenario has an MQTT client with birth and last will;
    LoRaWAN devices share the client of a network server.
    """
    stop = stop_on_signals()
    begin = wall_ms() if start is None else _time(start)
    if password_file is not None:
        password = _read(password_file)
    address = BrokerAddress(host, port, username, password)
    try:
        if scenario is None:
            complete = run_demo_town(address, begin, speed, seed, hours, stop)
        else:
            request = RunRequest(
                scenario=scenario,
                overrides=_sizes(None, bins, toilets),
                seed=seed,
                begin=begin,
                speed=speed,
                hours=hours,
                client_per_device=not servers,
                out=out,
            )
            complete = run_scenario(request, address, stop)
    except (ScenarioError, TooManyClientsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"cannot reach a broker at {host}:{port}: {error}", err=True)
        raise typer.Exit(1) from None
    if not complete:
        typer.echo("the broker did not acknowledge all messages", err=True)
        raise typer.Exit(1)


def _sizes(days: int | None, bins: int | None, toilets: int | None) -> dict[str, int]:
    sizes = {"town.days": days, "town.bins": bins, "town.toilets": toilets}
    return {key: value for key, value in sizes.items() if value is not None}


@app.command()
def fleet(
    out: Annotated[
        Path | None, typer.Option(help="CSV file; default: standard output.")
    ] = None,
) -> None:
    """Write the register of the demo's town for `sensorhub fleet import`."""
    text = fleet_csv(town())
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, "utf-8")


@app.command()
def trace(
    scenario: Annotated[
        str, typer.Argument(help="Name or file of a scenario; see `scenarios`.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    seed: Seed = 1,
    days: Annotated[
        int | None, typer.Option(min=1, help="Number of simulated days.")
    ] = None,
    bins: Annotated[int | None, typer.Option(min=0, help="Number of bins.")] = None,
    toilets: Annotated[
        int | None, typer.Option(min=0, help="Number of toilets.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a scenario's uplinks, labels, register and rounds to files."""
    try:
        settings = load(scenario, _sizes(days, bins, toilets))
    except ScenarioError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(scenario, total=settings.town.days)

        def on_day(day: int) -> None:
            progress.update(task, completed=day)

        made = write_trace(scenario, settings, seed, out, on_day)
    speed = round(made.device_days_per_s)
    if as_json:
        typer.echo(json.dumps(asdict(made) | {"device_days_per_s": speed}))
        return
    typer.echo(
        f"{made.devices} devices, {made.days} days: {made.uplinks:,} uplinks in "
        f"{made.seconds:.1f} s ({speed:,} device-days a second); files in {out}"
    )


@app.command()
def scenarios(
    name: Annotated[
        str | None, typer.Argument(help="Show all settings of this scenario.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the scenarios, or show all settings of one."""
    if name is not None:
        try:
            typer.echo(load(name).model_dump_json(indent=2))
        except ScenarioError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        return
    found = {n: load(n).description for n in {*builtin_names(), *own_names()}}
    if as_json:
        typer.echo(json.dumps(dict(sorted(found.items())), ensure_ascii=False))
        return
    for each, what in sorted(found.items()):
        typer.echo(f"{each:<18}{what}")


@app.command()
def labels(
    file: Annotated[Path, typer.Argument(help="labels.jsonl of a trace.")],
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only labels of this kind; may be repeated."),
    ] = None,
    asset: Annotated[
        str | None, typer.Option(help="Only labels of this asset.")
    ] = None,
) -> None:
    """Print the ground-truth labels of a trace."""
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                content = json.loads(line)
                wanted = not kind or content["label"] in kind
                if wanted and asset in (None, content.get("asset")):
                    typer.echo(line, nl=False)
    except (OSError, ValueError, KeyError) as error:
        typer.echo(f"{file}: {error}", err=True)
        raise typer.Exit(2) from None


app.command()(plot)


app.command("reality")(reality)


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so many seconds of real time.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the demo's broker.")] = 1883,
    speed: Speed = 600.0,
    seed: Seed = 1,
    language: Annotated[str, typer.Option(help="Language: en or zh-CN.")] = "en",
    config: Annotated[Path, typer.Option(help="Folder of the hub's settings.")] = Path(
        "config"
    ),
    data: Annotated[
        Path, typer.Option(help="Data folder; emptied first. If in use: NAME-2.")
    ] = DEMO_DATA,
) -> None:
    """Run a broker, a hub and a simulated town together. Ctrl-C stops them."""
    from firmware_sim.demo.run import Demo, DemoOptions

    options = DemoOptions(
        config=config,
        data=data,
        port=port,
        start=_time(DEMO_START),
        speed=speed,
        seed=seed,
        language=language,
        seconds=seconds,
    )
    raise typer.Exit(Demo(options, Console(), stop_on_signals()).run())


def main() -> None:
    """Run the command line of `firmware-sim`."""
    app()
