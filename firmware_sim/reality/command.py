"""`firmware-sim reality`: compare traces with real fill curves."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from firmware_sim.reality.compare import TraceGroup, measure_curves, rows
from firmware_sim.reality.curves import real_curves, trace_curves


def _groups(traces: list[str], every_h: float) -> list[TraceGroup]:
    """Measure traces (FOLDER or NAME=FOLDER), grouped by name in the given order."""
    found: dict[str, TraceGroup] = {}
    console = Console(stderr=True)
    for argument in track(traces, "traces", console=console, transient=True):
        name, _, folder = argument.rpartition("=")
        curves = trace_curves(Path(folder))
        if not curves:
            raise typer.BadParameter(f"{folder}: no native device reports a distance")
        name = name or Path(folder).name
        group = found.setdefault(name, TraceGroup(name, []))
        group.curve_sets.append(measure_curves(curves, every_h))
    return list(found.values())


def run(
    curves: Annotated[Path, typer.Option(help="CSV of real fill curves, or .gz.")],
    trace: Annotated[
        list[str],
        typer.Option(help="Folder of a trace, or NAME=FOLDER to group seeds."),
    ],
    every: Annotated[
        float,
        typer.Option(min=0.1, help="Thin all curves to one reading in so many hours."),
    ] = 3.0,
    timezone: Annotated[
        str, typer.Option(help="Time zone of the real curves.")
    ] = "Europe/Prague",
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for plots; needs the extra plot.")
    ] = None,
) -> None:
    """Compare the readings of traces with real fill curves in a Markdown table."""
    real = measure_curves(real_curves(curves, timezone), every)
    groups = _groups(trace, every)
    head = ["figure", "real (quartiles)", *(group.name for group in groups)]
    for line in (head, ["---"] * len(head), *rows(real, groups)):
        typer.echo(f"| {' | '.join(line)} |")
    if pictures is not None:
        from firmware_sim.reality.picture import draw

        for path in draw([TraceGroup("real", [real]), *groups], pictures):
            typer.echo(str(path), err=True)
