"""run, hub, check-config."""

import gc
import logging
import signal
import sys
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import typer

from sensorhub.cli.context import Context, command
from sensorhub.cli.output import print_json
from sensorhub.codecs.files import codec_faults
from sensorhub.config.settings import LogSettings
from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet import Register, plan, read_fleet
from sensorhub.hub.app import run_hub
from sensorhub.hub.workspace import Workspace, load_all
from sensorhub.rules.schema import parse_rules, read_rules
from sensorhub.standards import load_standards
from sensorhub.store import database


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "run")(run)
    command(app, "hub")(hub)
    command(app, "check-config")(check_config)


def run(
    context: Context,
) -> None:
    """Run everything until stopped. Today that is the hub."""
    hub(context)


def hub(
    context: Context,
) -> None:
    """Run the hub until stopped. With --json the log is written as JSON."""
    database_file = context.data / database.FILE
    faults = faults_of(context.config, new=not database_file.exists())
    if faults:
        raise ConfigError(faults)
    log = context.settings.log
    set_up_log(log.model_copy(update={"format": "json"}) if context.json else log)
    stopping, reload_rules = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    # uplinks make no cycles: looking for some after every 700 of them cost a tenth
    gc.set_threshold(50_000, 20, 20)
    signal.signal(signal.SIGHUP, lambda *_: reload_rules.set())
    run_hub(context.workspace, stopping=stopping, reload_rules=reload_rules)


def set_up_log(settings: LogSettings) -> None:
    """Log to standard error, as JSON or for a terminal."""
    text = settings.format == "text" or (
        settings.format == "auto" and sys.stderr.isatty()
    )
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(
        ensure_ascii=False
    )
    if text:
        renderer = structlog.dev.ConsoleRenderer()
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def check_config(
    context: Context,
) -> None:
    """Check settings, profiles, rules and register. Connects to nothing."""
    faults = faults_of(context.config)
    if context.json:
        print_json({"sound": not faults, "faults": [str(fault) for fault in faults]})
    if faults:
        raise ConfigError(faults)
    if not context.json:
        print(f"{context.config}: settings, profiles, rules and register are sound")


def faults_of(config: Path, *, new: bool = True) -> list[Fault]:
    """Every fault of a settings folder.

    rules.toml and fleet.toml fill a `new` database; an old one goes on without them.
    """
    faults: list[Fault] = []
    timezone, names, standards = ZoneInfo("UTC"), {"native"}, None
    if not config.is_dir():
        return [Fault(str(config), "folder", "there is no such folder")]
    try:
        settings, profiles = load_all(Workspace(config, Path()))
        timezone, names = ZoneInfo(settings.timezone), set(profiles)
        standards = load_standards(config)
        faults += codec_faults(config, settings, profiles)
    except ConfigError as error:
        faults += error.faults
    try:
        if new:
            parse_rules(read_rules(config), str(config / "rules.toml"), standards)
    except ConfigError as error:
        faults += error.faults
    file = config / "fleet.toml"
    try:
        if new and file.exists():
            rows = read_fleet(file, timezone)
            faults += plan(rows, Register(), 0, names).refused
    except ConfigError as error:
        faults += error.faults
    return faults
