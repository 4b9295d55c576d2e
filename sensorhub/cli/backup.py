"""backup, restore, verify: the data folder as a whole."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.cli.context import Context, command
from sensorhub.cli.output import REFUSED, print_json
from sensorhub.cli.tables import table
from sensorhub.store import backup as backups

BackupFile = Annotated[Path, typer.Argument(help="Backup file.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "backup")(backup)
    command(app, "restore")(restore)
    command(app, "verify")(verify)


def backup(context: Context, file: BackupFile, force: Force = False) -> None:
    """Write the whole database to FILE. The hub may be running."""
    size = backups.backup(context.data, file, force=force)
    if context.json:
        print_json({"file": str(file), "bytes": size})
    else:
        print(f"{file}: {size / 1e6:.1f} MB, {file.name}{backups.SUM} beside it")


def restore(context: Context, file: BackupFile, force: Force = False) -> None:
    """Restore a backup into the data folder. No hub may be running there."""
    aside = backups.restore(file, context.data, force=force)
    if context.json:
        print_json({"restored": str(file), "replaced": aside})
        return
    print(f"{context.data}: restored from {file}; `sensorhub hub` goes on from there")
    if aside:
        print(f"what was there before is {context.data / backups.REPLACED}")


def verify(
    context: Context,
    what: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|FOLDER]",
            show_default="the data folder",
            help="Backup file or data folder.",
        ),
    ] = None,
) -> None:
    """Verify all checksums. Exits with 1 if something is damaged."""
    path = what or context.data
    look = backups.verify_folder if path.is_dir() else backups.verify_file
    verdict = look(path)
    if context.json:
        counts = {c.name: {"rows": c.rows, "bytes": c.size} for c in verdict.counts}
        found = {"sound": verdict.sound, "faults": verdict.faults, "read": counts}
        print_json(found)
    else:
        rows: list[list[Any]] = [
            [c.name, c.rows, f"{c.size / 1e6:.1f}", len(c.damaged)]
            for c in verdict.counts
        ]
        table(str(path), ["part", "rows", "MB", "damaged"], rows)
        for fault in verdict.faults[:100]:
            print(f"damaged: {fault}")
        print("sound" if verdict.sound else f"{len(verdict.faults)} fault(s)")
    if not verdict.sound:
        raise typer.Exit(REFUSED)
