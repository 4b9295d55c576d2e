"""`firmware-sim score`: score a hub or an oracle against a trace's labels."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from firmware_sim.score.collect import Numbers
from firmware_sim.score.hub_output import ScoredAlert, read_alerts
from firmware_sim.score.oracle import by_due, by_horizon
from firmware_sim.score.scorecard import score_all
from firmware_sim.score.truth import MOST_H, GroundTruth, ScoreError, read_truth
from firmware_sim.score.visit_oracle import by_habit, by_rounds, read_rounds


def run(
    labels: Annotated[Path, typer.Option(help="labels.jsonl of the trace.")],
    alerts: Annotated[
        Path | None, typer.Option(help="Alerts: one transition per line.")
    ] = None,
    estimates: Annotated[
        Path | None, typer.Option(help="Estimated fills and emptyings.")
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            "--oracle",
            help="Score an oracle: horizon in hours, due, rounds (with --rounds) or "
            "habit.",
        ),
    ] = None,
    rounds: Annotated[
        Path | None, typer.Option(help="rounds.toml of the trace.")
    ] = None,
    warmup_days: Annotated[
        float, typer.Option(min=0, help="Days left out at the start.")
    ] = 14,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON.")
    ] = False,
) -> None:
    """Score the alerts and estimates of a hub, or an oracle, against the labels."""
    if (alerts is None) == (horizon is None):
        raise typer.BadParameter("give either --alerts FILE or --oracle NAME")
    try:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("labels", total=3)
            truth = read_truth(labels)
            bar.update(task, description="alerts", advance=1)
            spans = (
                read_alerts(alerts) if alerts else _oracle(truth, horizon or "", rounds)
            )
            bar.update(task, description="scores", advance=1)
            scores = score_all(truth, spans, estimates, warmup_days)
        _print(scores, as_json)
    except ScoreError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _oracle(truth: GroundTruth, name: str, rounds: Path | None) -> list[ScoredAlert]:
    if name == "due":
        return by_due(truth)
    if name == "habit":
        return by_habit(truth)
    if name == "rounds":
        if rounds is None:
            raise typer.BadParameter("--oracle rounds: give --rounds FILE")
        return by_rounds(truth, read_rounds(rounds))
    if not (name.isdigit() and 1 <= int(name) <= MOST_H):
        raise typer.BadParameter(
            f"--oracle: 1 to {MOST_H} hours, due, rounds, or habit"
        )
    return by_horizon(truth, int(name))


def _print(scores: Numbers, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(scores))
        return
    table = Table("score", "value")
    for name, value in scores.items():
        table.add_row(name, "–" if value is None else f"{value:.4g}")
    Console().print(table)
