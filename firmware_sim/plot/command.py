"""`firmware-sim plot`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from firmware_sim.plot.bin_history import read_story
from firmware_sim.plot.picture import PlotError, draw


class Language(StrEnum):
    """Languages of a picture's labels."""

    EN = "en"
    ZH = "zh"


def plot(
    trace: Annotated[Path, typer.Option(help="Folder that `trace` wrote.")],
    asset: Annotated[str, typer.Option(help="A bin, such as bin00001.")],
    out: Annotated[Path, typer.Option(help="The picture: .png, .svg or .pdf.")],
    alerts: Annotated[Path | None, typer.Option(help="alerts.jsonl")] = None,
    estimates: Annotated[Path | None, typer.Option(help="estimates.jsonl")] = None,
    days: Annotated[
        tuple[float, float] | None, typer.Option(help="From and to, since the start.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of labels.")] = Language.EN,
) -> None:
    """Draw a bin's truth, readings, estimates, emptyings and alerts."""
    try:
        draw(read_story(trace, asset, alerts, estimates), days, out, lang.value)
    except (OSError, PlotError, ValueError, KeyError) as error:
        typer.echo(f"no picture: {error}", err=True)
        raise typer.Exit(2) from None
