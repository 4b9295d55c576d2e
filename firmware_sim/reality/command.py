"""`firmware-sim reality`: traces beside real curves."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from firmware_sim.reality.compare import TraceGroup, rows, town
from firmware_sim.reality.curves import real_curves, trace_curves


def _groups(traces: list[str], every_h: float) -> list[TraceGroup]:
    """One a name, in the order told."""
    found: dict[str, TraceGroup] = {}
    console = Console(stderr=True)
    for told in track(traces, "traces", console=console, transient=True):
        name, _, folder = told.rpartition("=")
        curves = trace_curves(Path(folder))
        if not curves:
            raise typer.BadParameter(f"{folder}: no native device tells a distance")
        name = name or Path(folder).name
        found.setdefault(name, TraceGroup(name, [])).towns.append(town(curves, every_h))
    return list(found.values())


def run(
    curves: Annotated[Path, typer.Option(help="CSV of real fill curves, or .gz.")],
    trace: Annotated[
        list[str],
        typer.Option(help="Folder that `trace` wrote, or NAME=FOLDER: seeds of one."),
    ],
    every: Annotated[
        float, typer.Option(min=0.1, help="Hours: one reading each, on both sides.")
    ] = 3.0,
    timezone: Annotated[
        str, typer.Option(help="Of the real curves.")
    ] = "Europe/Prague",
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for pictures; needs the extra plot.")
    ] = None,
) -> None:
    """Hold traces' readings against real fill curves, as a table in Markdown."""
    real = town(real_curves(curves, timezone), every)
    groups = _groups(trace, every)
    head = ["figure", "real (quartiles)", *(group.name for group in groups)]
    for line in (head, ["---"] * len(head), *rows(real, groups)):
        typer.echo(f"| {' | '.join(line)} |")
    if pictures is not None:
        from firmware_sim.reality.picture import draw

        for path in draw([TraceGroup("real", [real]), *groups], pictures):
            typer.echo(str(path), err=True)
