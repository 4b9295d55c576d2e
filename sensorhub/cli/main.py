"""Puts the commands together; turns our errors into words and exit codes.

0 done, 1 refused or not found, 2 wrong usage, 3 settings, rules or register
unsound, 4 the database cannot be used, 75 a younger hub took over.
"""

import sys
from typing import Annotated

import typer

from sensorhub import __version__
from sensorhub.cli import (
    backtest,
    backup,
    codecs,
    dead_letters,
    decode,
    downlink,
    export,
    fleet,
    forecast,
    influx,
    operator_acts,
    profiles,
    queries,
    rules,
    run,
    standards,
    state,
    subscriptions,
    tail,
)
from sensorhub.cli.output import BAD_CONFIG, NO_STORE, TAKEN_OVER
from sensorhub.config.settings import LogSettings
from sensorhub.errors import ConfigError, StoreError, TakenOver
from sensorhub.store import DatabaseError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which bins and toilets need a crew, and proof of what was done.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    _version_: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    pass


for module in (
    run,
    queries,
    forecast,
    tail,
    operator_acts,
    downlink,
    backtest,
    decode,
    backup,
    export,
    state,
):
    module.add_to(app)
app.add_typer(fleet.app, name="fleet")
app.add_typer(profiles.app, name="profiles")
app.add_typer(rules.app, name="rules")
app.add_typer(operator_acts.silence_app, name="silence")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(standards.app, name="standards")
app.add_typer(codecs.app, name="codecs")
app.add_typer(influx.app, name="influx")


def main() -> None:
    """Entry point of the command `sensorhub`."""
    run.set_up_log(LogSettings(level="warning"))  # standard output is for results
    try:
        app()
    except ConfigError as error:
        print(f"{len(error.faults)} fault(s):", file=sys.stderr)
        for fault in error.faults:
            print(f"  {fault}", file=sys.stderr)
        sys.exit(BAD_CONFIG)
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(NO_STORE)
    except DatabaseError as error:
        print(f"error: the database cannot be used: {error}", file=sys.stderr)
        sys.exit(NO_STORE)
    except TakenOver as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(TAKEN_OVER)
