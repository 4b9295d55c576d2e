"""backup, restore, verify: the data folder as a whole."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sensorhub.cli.common import (
    CONFIG,
    DATA,
    REFUSED,
    Config,
    Data,
    Json,
    say_json,
)
from sensorhub.cli.tables import table
from sensorhub.store import backup as backups

Force = Annotated[bool, typer.Option("--force", help="over what is there already")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)
    app.command("verify")(verify)


def backup(
    file: Path,
    force: Force = False,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Write the whole database to FILE, while the hub runs or not."""
    _ = config  # every command takes the same options
    size = backups.backup(data, file, force=force)
    if json_:
        say_json({"file": str(file), "bytes": size})
    else:
        print(f"{file}: {size / 1e6:.1f} MB, {file.name}{backups.SUM} beside it")


def restore(
    file: Path,
    force: Force = False,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Put a backup into the data folder; no hub may run there."""
    _ = config
    aside = backups.restore(file, data, force=force)
    if json_:
        say_json({"restored": str(file), "replaced": aside})
        return
    print(f"{data}: restored from {file}; `sensorhub hub` goes on from there")
    if aside:
        print(f"what was there before is {data / backups.REPLACED}")


def verify(
    what: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE|FOLDER]", show_default="the data folder"),
    ] = None,
    config: Config = CONFIG,
    data: Data = DATA,
    json_: Json = False,
) -> None:
    """Read everything and check all sums; 1 where something is damaged."""
    _ = config
    workspace = what or data
    look = backups.verify_folder if workspace.is_dir() else backups.verify_file
    verdict = look(workspace)
    if json_:
        counts = {c.name: {"rows": c.rows, "bytes": c.size} for c in verdict.counts}
        found = {"sound": verdict.sound, "faults": verdict.faults, "read": counts}
        say_json(found)
    else:
        rows: list[list[Any]] = [
            [c.name, c.rows, f"{c.size / 1e6:.1f}", len(c.damaged)]
            for c in verdict.counts
        ]
        table(str(workspace), ["part", "rows", "MB", "damaged"], rows)
        for fault in verdict.faults[:100]:
            print(f"damaged: {fault}")
        print("sound" if verdict.sound else f"{len(verdict.faults)} fault(s)")
    if not verdict.sound:
        raise typer.Exit(REFUSED)
