"""backtest: rules over past uplinks, in virtual time."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress

from sensorhub.backtest.compare import AlertSpan, Difference, alert_spans, difference
from sensorhub.backtest.estimates import EstimateWriter
from sensorhub.backtest.run import (
    BacktestResult,
    BacktestTask,
    backtest,
    whole,
    write_transitions,
)
from sensorhub.backtest.virtual import LoadedConfig
from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.cli.run import set_up_log
from sensorhub.cli.tables import table
from sensorhub.config.filling import read_rounds
from sensorhub.fleet import read_fleet
from sensorhub.rules.schema import parse_rules, read_rules_file


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "backtest")(run)


def run(
    context: Context,
    uplinks: Annotated[
        Path, typer.Argument(help="Uplinks as .jsonl or .csv, also .gz.")
    ],
    fleet: Annotated[
        Path, typer.Option(help="Register file; no other register is read.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Write alert transitions to this file as JSON lines."),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Write the outcome of each uplink to this file.")
    ] = None,
    estimates: Annotated[
        Path | None,
        typer.Option(help="Write hourly fill estimates and emptyings as JSON lines."),
    ] = None,
    rounds: Annotated[
        Path | None, typer.Option(help="Rounds file. Default: rounds of the settings.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="Rules file. Default: rules.toml of the settings folder."),
    ] = None,
    diff: Annotated[
        Path | None, typer.Option(help="Second rules file to compare with.")
    ] = None,
) -> None:
    """Run rules over past uplinks in virtual time, starting from an empty state."""
    if out is None and ledger is None and diff is None and estimates is None:
        wanted = "--out FILE, --ledger FILE, --estimates FILE or --diff RULES"
        refuse(f"name what you want: {wanted}")
    for path in (uplinks, fleet, rounds):
        if path is not None and not path.is_file():
            refuse(f"no such file: {path}")
    kit = LoadedConfig.of(context.config)
    if rounds is not None:
        kit = kit.with_rounds(read_rounds(rounds))
    set_up_log(kit.settings.log)
    texts = [_rules(rules or context.config / "rules.toml", kit)]
    if diff is not None:
        texts.append(_rules(diff, kit))
    task = BacktestTask(
        uplinks, read_fleet(fleet, ZoneInfo(kit.settings.timezone)), kit
    )
    began = time.monotonic()
    gc.set_threshold(50_000, 20, 20)  # as `hub` has it: uplinks make no cycles
    with ExitStack() as stack:
        lines = stack.enter_context(whole(ledger)) if ledger else None
        output = stack.enter_context(whole(estimates)) if estimates else None
        progress = stack.enter_context(_progress(uplinks))
        watch = partial(EstimateWriter, output) if output else None
        found = backtest(task, texts, ledger=lines, watch=watch, progress=progress)
    if out is not None:
        with whole(out) as file:
            write_transitions(file, found[0].transitions)
    changes = None
    if diff is not None:
        changes = difference(found[0].transitions, found[1].transitions)
    _tell(context, found[0], changes, time.monotonic() - began)


def _rules(file: Path, kit: LoadedConfig) -> str:
    text = read_rules_file(file)
    parse_rules(text, str(file), kit.standards)
    return text


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, over the bytes of the file."""
    console = Console(stderr=True)
    with Progress(
        console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task(path.name, total=path.stat().st_size)
        yield lambda done: bar.update(task, completed=done)


def _tell(
    context: Context, found: BacktestResult, changes: Difference | None, seconds: float
) -> None:
    view: dict[str, Any] = dict(found.sums)
    view["alerts"] = len(alert_spans(found.transitions))
    view["transitions"] = len(found.transitions)
    view["seconds"] = round(seconds, 1)
    if context.json:
        print_json(view | ({"diff": changes.view()} if changes is not None else {}))
        return
    if changes is None:
        table("backtest", ["", "value"], [[key, value] for key, value in view.items()])
        return
    groups = [[_row(context, "comes", alert)] for alert in changes.comes]
    groups += [[_row(context, "goes", alert)] for alert in changes.goes]
    groups += [
        [_row(context, "was", before), _row(context, "is", after)]
        for before, after in changes.changes
    ]
    groups.sort(key=lambda group: (group[0][4], group[0][1], group[0][2]))
    rows = [row for group in groups for row in group]
    names = ["what", "rule", "asset", "severity", "started", "ended"]
    table("alerts that would come, go or change", names, rows, keep=("rule", "asset"))
    counts = f"{len(changes.comes)} would come, {len(changes.goes)} would go"
    print(f"{counts}, {len(changes.changes)} would change, {changes.same} stay")


def _row(context: Context, what: str, alert: AlertSpan) -> list[str]:
    view = alert.view()
    ended = view["ended_at"]
    return [
        what,
        alert.rule,
        alert.asset,
        view["severity"],
        context.local_text(alert.started),
        "still open" if ended is None else context.local_text(ended),
    ]
