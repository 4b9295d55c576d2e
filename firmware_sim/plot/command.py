"""`firmware-sim plot`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firmware_sim.plot.bin_history import read_history
from firmware_sim.plot.picture import PlotError, draw


class Language(StrEnum):
    """Languages of the labels of a plot."""

    EN = "en"
    ZH = "zh"


def plot(
    trace: Annotated[Path, typer.Option(help="Folder written by `trace`.")],
    asset: Annotated[str, typer.Option(help="A bin, such as bin00001.")],
    out: Annotated[Path, typer.Option(help="Image file: .png, .svg or .pdf.")],
    alerts: Annotated[
        Path | None, typer.Option(help="alerts.jsonl of `sensorhub backtest`.")
    ] = None,
    estimates: Annotated[
        Path | None, typer.Option(help="estimates.jsonl of it.")
    ] = None,
    days: Annotated[
        tuple[float, float] | None,
        typer.Option(help="First and last day, from the start."),
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="Language of the labels.")
    ] = Language.EN,
) -> None:
    """Plot a bin's true fill, readings, estimates, emptyings and alerts."""
    try:
        draw(read_history(trace, asset, alerts, estimates), days, out, lang.value)
    except (OSError, PlotError, ValueError, KeyError) as error:
        typer.echo(f"no plot: {error}", err=True)
        raise typer.Exit(2) from None
