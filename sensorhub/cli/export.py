"""export: readings or rollups of any selection as CSV, JSON lines or Parquet."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from sensorhub.cli.context import Context, command, refuse
from sensorhub.cli.output import print_json
from sensorhub.export.files import Format, writer
from sensorhub.export.tables import ExportQuery, names, tables
from sensorhub.model import BY_NAME
from sensorhub.store.device_scan import places
from sensorhub.store.history import EVER
from sensorhub.store.rollups import Bucket

Many = list[str] | None
STDOUT = Path("-")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "export")(export)


def export(
    context: Context,
    file: Annotated[
        Path, typer.Argument(help="Output file, or - for standard output.")
    ],
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Format.", show_default="by file extension"),
    ] = None,
    zone: Annotated[Many, typer.Option("--zone", help="Only these zones.")] = None,
    asset: Annotated[Many, typer.Option("--asset", help="Only these assets.")] = None,
    device: Annotated[
        Many, typer.Option("--device", help="Only these devices.")
    ] = None,
    measurement: Annotated[
        Many, typer.Option("--measurement", "-m", help="Only these measurements.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Start, RFC 3339.", show_default="first reading")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="End, RFC 3339.", show_default="now")
    ] = None,
    by: Annotated[Bucket | None, typer.Option(help="Rollups by hour or day.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Export readings, or rollups --by hour or day, of any selection to FILE.

    You can repeat --zone, --asset, --device and --measurement. Default: everything.
    """
    form = format_ or _by_ending(file)
    with context.connection() as connection:
        chosen = places(connection, zone or (), asset or (), device or ())
        if not chosen:
            refuse("nothing is like that; see `sensorhub fleet list`")
        end = context.parse_time(until)
        wanted = ExportQuery(
            places=chosen,
            since=_or(context.parse_time(since), -EVER),
            until=_or(end, context.now() + 1),
            codes=_codes(measurement),
            bucket=by,
            zone=context.settings.timezone,
        )
        rows = 0
        with (
            _opened(file, form, force) as out,
            writer(form, out, names(wanted)) as to,
            _progress(len(chosen), quiet=file == STDOUT) as show,
        ):
            for table in tables(connection, wanted):
                to.write(table.columns)
                rows += len(table.columns["device"])
                show(table.done)
    if context.json and file != STDOUT:
        print_json({"file": str(file), "rows": rows})
    else:
        print(f"{rows:,} rows", file=sys.stderr)


def _or(at: int | None, default: int) -> int:
    return default if at is None else at


def _codes(wanted: Many) -> list[int] | None:
    for name in wanted or ():
        if name not in BY_NAME:
            refuse(f"no such measurement: {name!r}; one of {', '.join(BY_NAME)}")
    return [BY_NAME[name].no for name in wanted] if wanted else None


def _by_ending(file: Path) -> Format:
    try:
        return Format.CSV if file == STDOUT else Format(file.suffix.removeprefix("."))
    except ValueError:
        refuse(f"what is {file}? Say --format csv, jsonl or parquet")


@contextmanager
def _opened(file: Path, form: Format, force: bool) -> Iterator[IO[bytes]]:
    """The file to write; it gets its name once it is whole."""
    if file == STDOUT:
        if form is Format.PARQUET:
            refuse("Parquet is no stream: name a file")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists() and not force:
        refuse(f"{file} is there already; --force replaces it")
    partial = file.with_name(file.name + ".partial")
    try:
        with partial.open("wb") as out:
            yield out
        partial.replace(file)
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror}")
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Shows how far it is, on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("export", total=total)
        yield lambda done: bar.update(task, completed=done + 1)
