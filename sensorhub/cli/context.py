"""What every command starts with: its folders, its settings, its way to answer.

`command` registers a function as a command. It adds the options `--config`, `--data`
and `--json`, which all commands share, and calls the function with a `Context` first.
"""

import getpass
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Annotated, Any, Concatenate, NoReturn, ParamSpec
from zoneinfo import ZoneInfo

import typer

from sensorhub.cli.output import REFUSED, print_json
from sensorhub.config.settings import Settings
from sensorhub.fleet.times import parse_time
from sensorhub.hub.workspace import (
    OperatorRequest,
    Workspace,
    act,
    clock_beside,
    load_all,
    prepare,
)
from sensorhub.registry.profiles import Profile
from sensorhub.standards import Standards, load_standards
from sensorhub.store import Connection, database, folder_lock


def _folder(text: str | Path) -> Path:
    """A folder that somebody typed; an empty name would be the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("name a folder")
    return Path(text)


KEYWORD = inspect.Parameter.KEYWORD_ONLY
CONFIG = typer.Option(
    "--config",
    help="Settings folder.",
    envvar="SENSORHUB_CONFIG",
    parser=_folder,
    metavar="FOLDER",
)
DATA = typer.Option(
    "--data",
    help="Data folder.",
    envvar="SENSORHUB_DATA",
    parser=_folder,
    metavar="FOLDER",
)
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="Who acts.",
        default_factory=getpass.getuser,
        show_default="your user name",
    ),
]
JSON = typer.Option("--json", help="Print JSON for programs.")
ConfigFolder = Annotated[Path, CONFIG]
DataFolder = Annotated[Path, DATA]
AsJson = Annotated[bool, JSON]
SHARED = (
    inspect.Parameter(
        "config", KEYWORD, default=Path("config"), annotation=ConfigFolder
    ),
    inspect.Parameter("data", KEYWORD, default=Path("data"), annotation=DataFolder),
    inspect.Parameter("json", KEYWORD, default=False, annotation=AsJson),
)
P = ParamSpec("P")


def refuse(message: str) -> NoReturn:
    """Print an error and exit with code 1."""
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(REFUSED)


class Context:
    """The folders and settings that a command works with; what it needs is loaded once.

    Settings and profiles are loaded when first asked for and raise ConfigError with
    all faults. `connection` creates or migrates the database first.
    """

    def __init__(self, config: Path, data: Path, *, json: bool) -> None:
        self.config = config
        self.data = data
        self.json = json
        self._is_prepared = False

    @property
    def workspace(self) -> Workspace:
        """Both folders."""
        return Workspace(self.config, self.data)

    @cached_property
    def _loaded(self) -> tuple[Settings, dict[str, Profile]]:
        return load_all(self.workspace)

    @property
    def settings(self) -> Settings:
        """The settings of the settings folder."""
        return self._loaded[0]

    @property
    def profiles(self) -> dict[str, Profile]:
        """Device profiles by name, built in and of the settings folder."""
        return self._loaded[1]

    @cached_property
    def standards(self) -> Standards:
        """Standards, built in and of the settings folder."""
        _ = self.settings  # reports the faults of all files at once
        return load_standards(self.config)

    @property
    def timezone(self) -> ZoneInfo:
        """The town's time zone."""
        return ZoneInfo(self.settings.timezone)

    def prepare(self) -> None:
        """Create or migrate the database, once. Raises ConfigError, StoreError."""
        if not self._is_prepared:
            prepare(self.workspace, self.settings, self.profiles)
            self._is_prepared = True

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection that only reads, closed at the end. Raises StoreError."""
        self.prepare()
        with closing(database.connect(self.data, read_only=True)) as connection:
            yield connection

    def now(self) -> int:
        """The hub's time (epoch ms); simulated where its clock is."""
        self.prepare()
        # not read-only: a simulated clock remembers when it began
        with closing(database.connect(self.data)) as connection:
            running = folder_lock.is_running(self.data)
            return clock_beside(self.settings, connection, running=running).now()

    def ask(self, by: str, kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Have the hub apply a command; exits with its reason where it refuses."""
        request = OperatorRequest(by, kind, dict(arguments))
        result = act(self.workspace, self.settings, self.profiles, request)
        if result is None:
            return {"accepted": True, "applied": False}
        if "error" in result:
            refuse(result["error"])
        return result

    def report(self, result: Mapping[str, Any], words: str) -> None:
        """Print the result of a command: as JSON, or in words."""
        if self.json:
            print_json(result)
        elif result.get("applied") is False:
            print("accepted, not yet applied: the hub is busy")
        else:
            print(words)

    def parse_time(self, text: str | None) -> int | None:
        """Epoch ms of a time that somebody typed; exits with an error in words."""
        if text is None:
            return None
        try:
            return parse_time(text, self.timezone)
        except ValueError as error:
            refuse(str(error))

    def local(self, at: int | None) -> str:
        """A time (epoch ms) for people, in the town's time zone."""
        if at is None:
            return ""
        moment = datetime.fromtimestamp(at / 1000, self.timezone)
        return moment.strftime("%Y-%m-%d %H:%M:%S")

    def local_text(self, text: str | None) -> str:
        """Like `local`, of an RFC 3339 time."""
        return "" if text is None else self.local(parse_time(text, ZoneInfo("UTC")))


Handler = Callable[Concatenate[Context, P], None]


def command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Handler[P]], Handler[P]]:
    """Register a function as a command of `app`, with the options that all share.

    The function gets a `Context` first, then its own arguments and options. It is
    returned as it was, so that another command can call it.
    """

    def register(function: Handler[P]) -> Handler[P]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        parameters = [*own, *SHARED]

        def run(**given: Any) -> None:
            config, data = given.pop("config"), given.pop("data")
            context = Context(config, data, json=given.pop("json"))
            function(context, **given)  # type: ignore[call-arg]

        update_wrapper(run, function)
        del run.__wrapped__  # type: ignore[attr-defined]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=KEYWORD) for parameter in parameters]
        )
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        app.command(name)(run)
        return function

    return register
