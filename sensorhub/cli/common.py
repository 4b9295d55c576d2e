"""What all commands share: options, exit codes, output, asking the hub."""

import getpass
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer

from sensorhub.config.settings import Settings
from sensorhub.fleet.times import parse_time
from sensorhub.hub.workspace import Workspace, act, clock_beside, load_all, prepare
from sensorhub.model import Reading
from sensorhub.registry.profiles import Profile
from sensorhub.store import database

REFUSED = 1
BAD_CONFIG = 3
NO_STORE = 4
TAKEN_OVER = 75


def _folder(text: str | Path) -> Path:
    """A folder that somebody typed; an empty one would be the present folder."""
    if not str(text).strip():
        raise typer.BadParameter("name a folder")
    return Path(text)


Config = Annotated[
    Path,
    typer.Option(
        "--config",
        help="settings folder",
        envvar="SENSORHUB_CONFIG",
        parser=_folder,
        metavar="FOLDER",
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="data folder",
        envvar="SENSORHUB_DATA",
        parser=_folder,
        metavar="FOLDER",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs")]
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="who acts",
        default_factory=getpass.getuser,
        show_default="your user name",
    ),
]
CONFIG = Path("config")
DATA = Path("data")


def refuse(message: str) -> NoReturn:
    """End with an error in words."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(REFUSED)


def say_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def opened(config: Path, data: Path) -> tuple[Workspace, Settings, dict[str, Profile]]:
    """Settings and a database that is there. Raises ConfigError, StoreError."""
    workspace = Workspace(config, data)
    settings, profiles = load_all(workspace)
    prepare(workspace, settings, profiles)
    return workspace, settings, profiles


def ask(
    workspace: Workspace, by: str, kind: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Have an act applied; ends with its error in words where it was refused."""
    result = act(workspace, by, kind, arguments)
    if result is None:
        return {"accepted": True, "applied": False}
    if "error" in result:
        refuse(result["error"])
    return result


def said(result: dict[str, Any], json_: bool, words: str) -> None:
    """Tell the result of an act."""
    if json_:
        say_json(result)
    elif result.get("applied") is False:
        print("accepted, not yet applied: the hub is busy")
    else:
        print(words)


def hub_now(workspace: Workspace, settings: Settings) -> int:
    """The hub's time (ms), simulated where its clock is."""
    connection = database.connect(workspace.data)
    try:
        running = database.is_running(workspace.data)
        return clock_beside(settings, connection, running=running).now()
    finally:
        connection.close()


def moment(text: str | None, settings: Settings) -> int | None:
    """Epoch ms of a time that somebody typed; ends with an error in words."""
    if text is None:
        return None
    try:
        return parse_time(text, ZoneInfo(settings.timezone))
    except ValueError as error:
        refuse(str(error))


def local(at: int | None, settings: Settings) -> str:
    """A time for people, in the town's zone."""
    if at is None:
        return ""
    zone = ZoneInfo(settings.timezone)
    return datetime.fromtimestamp(at / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")


def local_text(text: str | None, settings: Settings) -> str:
    """As `local`, of an RFC 3339 time."""
    return "" if text is None else local(parse_time(text, ZoneInfo("UTC")), settings)


def reading_word(reading: Reading) -> str:
    """A reading's quality with its reason."""
    quality = reading.quality.name.lower()
    return f"{quality} ({reading.reason.word})" if reading.reason else quality
