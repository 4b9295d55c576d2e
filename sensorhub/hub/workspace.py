"""A settings folder and a data folder: prepared, looked up, acted on.

What the command line does beside a running hub, or without one.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sensorhub.clock import Clock
from sensorhub.codecs.files import codecs_of
from sensorhub.config.settings import Settings, load_settings, start_ms
from sensorhub.decode.decoders import DECODERS
from sensorhub.errors import ConfigError, Fault
from sensorhub.fleet import read_fleet
from sensorhub.forward.influx_reader import InfluxReader
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.notify.addresses import networks
from sensorhub.notify.probe import DeliveryTest, probe
from sensorhub.notify.subscription_filter import wants
from sensorhub.notify.webhook import Webhook
from sensorhub.registry.profiles import Profile, load_profiles
from sensorhub.rules.schema import parse_rules, read_rules
from sensorhub.standards import load_standards
from sensorhub.store import (
    Connection,
    clock_settings,
    database,
    folder_lock,
    migration,
    register,
    rule_versions,
)
from sensorhub.store.clock_settings import ClockUsed
from sensorhub.store.hot import commands as command_rows
from sensorhub.store.hot import counters
from sensorhub.store.hot.transactions import transaction
from sensorhub.store.past_readings import ReadOlder
from sensorhub.store.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a hub lives: its settings folder and its data folder."""

    config: Path
    data: Path


def load_all(workspace: Workspace) -> tuple[Settings, dict[str, Profile]]:
    """Settings and profiles. Raises ConfigError with every fault of all files."""
    faults: list[Fault] = []
    try:
        settings = load_settings(workspace.config)
    except ConfigError as error:
        faults += error.faults
    try:
        profiles = load_profiles(workspace.config, DECODERS)
    except ConfigError as error:
        faults += error.faults
    try:
        load_standards(workspace.config)
    except ConfigError as error:
        faults += error.faults
    if faults:
        raise ConfigError(faults)
    return settings, profiles


def prepare(
    workspace: Workspace, settings: Settings, profiles: dict[str, Profile]
) -> None:
    """Create or migrate the database; a new one reads rules.toml and fleet.toml.

    Raises ConfigError where those are not sound: nothing is created half.
    """
    migration.prepare(workspace.data)
    connection = database.connect(workspace.data)
    try:
        if rule_versions.latest(connection)[0]:
            return
        text = read_rules(workspace.config)
        standards = load_standards(workspace.config)
        parse_rules(text, str(workspace.config / "rules.toml"), standards)
        now = clock_of(settings).now()
        fleet = workspace.config / "fleet.toml"
        with transaction(connection):
            if rule_versions.latest(connection)[0]:
                return  # another process was faster
            rule_versions.add(connection, text, "file", now)
            if fleet.exists():
                rows = read_fleet(fleet, ZoneInfo(settings.timezone))
                register.import_rows(connection, rows, now, profiles.keys())
    finally:
        connection.close()


def clock_of(settings: Settings, connection: Connection | None = None) -> Clock:
    """The clock that the settings ask for.

    Simulated time goes on across restarts: the database remembers when it began.
    """
    used = ClockUsed(start_ms(settings.clock), settings.clock.speed)
    if connection is None or not used.simulated:
        return Clock(*used)
    return _anchored(used, connection)


def _anchored(used: ClockUsed, connection: Connection) -> Clock:
    real = Clock().now()
    anchor = clock_settings.anchor(connection, used.start, used.speed, real)
    return Clock(anchor.hub + round((real - anchor.real) * used.speed), used.speed)


def hub_clock(settings: Settings, connection: Connection) -> Clock:
    """As `clock_of`, for the hub itself: others learn of it by `clock_beside`."""
    used = ClockUsed(start_ms(settings.clock), settings.clock.speed)
    clock_settings.remember_clock(connection, used)
    return clock_of(settings, connection)


def clock_beside(settings: Settings, connection: Connection, *, running: bool) -> Clock:
    """The clock of the hub whose database this is, whatever our own settings say.

    Simulated time stands where the hub left it, at ordinary pace, while none runs:
    an hour at 600 times its pace would be weeks after everything known.
    """
    used = clock_settings.clock_used(connection)
    if used is None:
        return clock_of(settings, connection)
    if not used.simulated:
        return Clock()
    alive = counters.get_meta(connection, "alive_at")
    if alive is not None and not running:
        return Clock(int(alive))
    return _anchored(used, connection)


class OperatorRequest(NamedTuple):
    """A command that an operator gives: by whom, its kind, its arguments."""

    by: str
    kind: str
    arguments: dict[str, Any]

    def append(self, connection: Connection, at: int) -> int:
        """Append it to the hub's commands at `at` (ms); returns its number."""
        return command_rows.append(
            connection, at=at, by=self.by, kind=self.kind, arguments=self.arguments
        )


def act(
    workspace: Workspace,
    settings: Settings,
    profiles: dict[str, Profile],
    request: OperatorRequest,
) -> dict[str, Any] | None:
    """Have an operator's command applied, by the running hub or in this process.

    Returns its result; None if a running hub has not applied it within 5 s.
    """
    prepare(workspace, settings, profiles)
    try:
        with folder_lock.locked(workspace.data, wait_s=0):
            return _act_here(workspace, settings, profiles, request)
    except folder_lock.Locked:
        return _ask(workspace, settings, request)


def _act_here(
    workspace: Workspace,
    settings: Settings,
    profiles: dict[str, Profile],
    request: OperatorRequest,
) -> dict[str, Any] | None:
    clock = _own_clock(workspace, settings)
    standards = load_standards(workspace.config)
    with closing(codecs_of(workspace.config, settings, profiles, clock.now)) as codecs:
        configuration = Configuration(settings, profiles, standards, codecs, wants)
        with closing(Hub(workspace.data, configuration, clock.now)) as hub:
            return _apply_command(hub, clock, request)


def _apply_command(
    hub: Hub, clock: Clock, request: OperatorRequest
) -> dict[str, Any] | None:
    id_ = request.append(hub.connection, clock.now())
    CommandDispatcher(hub).apply_waiting()
    result = command_rows.result_of(hub.connection, id_)
    hub.checkpoint_all()
    return result


def _own_clock(workspace: Workspace, settings: Settings) -> Clock:
    """The clock to act by where no hub runs: as asked for, else as the last hub's."""
    connection = database.connect(workspace.data)
    try:
        if ClockUsed(start_ms(settings.clock), settings.clock.speed).simulated:
            return clock_of(settings, connection)
        return clock_beside(settings, connection, running=False)
    finally:
        connection.close()


def _ask(
    workspace: Workspace, settings: Settings, request: OperatorRequest
) -> dict[str, Any] | None:
    connection = database.connect(workspace.data)
    try:
        now = clock_beside(settings, connection, running=True).now()
        id_ = request.append(connection, now)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            result = command_rows.result_of(connection, id_)
            if result is not None:
                return result
            time.sleep(0.01)
        return None
    finally:
        connection.close()


def older_readings(settings: Settings) -> ReadOlder | None:
    """What reads the past that the hub's own history keeps no more; None: nothing."""
    return InfluxReader(settings.influx).read if settings.influx.on else None


def prober(settings: Settings) -> Callable[[Subscription], DeliveryTest]:
    """Sends a test event to a subscription and returns the receiver's response."""
    real_now = Clock().now
    webhook = Webhook(
        networks(settings.notify.private_networks),
        settings.notify.timeout_s,
        lambda: real_now() / 1000,
    )
    return lambda item: probe(item, webhook.deliver, real_now())
