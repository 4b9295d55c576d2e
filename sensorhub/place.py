"""A settings folder and a data folder: prepared, looked up, acted on.

What the command line does beside a running hub, or without one.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sensorhub.clock import Clock
from sensorhub.commands import Commands
from sensorhub.config import Settings, load_settings, start_ms
from sensorhub.decode.decoders import DECODERS
from sensorhub.fleet import read_fleet
from sensorhub.hub import Hub
from sensorhub.notify.addresses import networks
from sensorhub.notify.choice import wants
from sensorhub.notify.probe import Verdict, probe
from sensorhub.notify.webhook import Webhook
from sensorhub.profiles import Profile, load_profiles
from sensorhub.rulebook import parse_rules, read_rules
from sensorhub.store import commands as command_rows
from sensorhub.store import database, register, rule_versions
from sensorhub.store.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hub lives: its settings folder and its data folder."""

    config: Path
    data: Path


def load_all(place: Place) -> tuple[Settings, dict[str, Profile]]:
    """Settings and profiles. Raises ConfigError with every fault."""
    settings = load_settings(place.config)
    return settings, load_profiles(place.config, DECODERS.keys())


def prepare(place: Place, settings: Settings, profiles: dict[str, Profile]) -> None:
    """Create or migrate the database; a new one reads rules.toml and fleet.toml.

    Raises ConfigError where those are not sound: nothing is created half.
    """
    database.prepare(place.data)
    connection = database.connect(place.data)
    try:
        if rule_versions.latest(connection)[0]:
            return
        text = read_rules(place.config)
        parse_rules(text, str(place.config / "rules.toml"))
        now = clock_of(settings).now()
        fleet = place.config / "fleet.toml"
        connection.execute("BEGIN IMMEDIATE")
        if not rule_versions.latest(connection)[0]:
            rule_versions.add(connection, text, "file", now)
            if fleet.exists():
                rows = read_fleet(fleet, ZoneInfo(settings.timezone))
                register.import_rows(connection, rows, now, profiles.keys())
        connection.execute("COMMIT")
    finally:
        connection.close()


def clock_of(settings: Settings, connection: sqlite3.Connection | None = None) -> Clock:
    """The hub's clock as the settings say.

    Simulated time goes on across restarts: the database remembers when it began.
    """
    start, speed = start_ms(settings.clock), settings.clock.speed
    if connection is None or (start is None and speed == 1.0):
        return Clock(start, speed)
    real = Clock().now()
    anchor = database.anchor(connection, start, speed, real)
    return Clock(anchor.hub + round((real - anchor.real) * speed), speed)


def act(
    place: Place, by: str, kind: str, arguments: dict[str, Any]
) -> dict[str, Any] | None:
    """Have an operator's act applied, by the running hub or right here.

    Answers its result; None where a running hub has not applied it within 5 s.
    """
    settings, profiles = load_all(place)
    prepare(place, settings, profiles)
    connection = database.connect(place.data)
    clock = clock_of(settings, connection)
    connection.close()
    try:
        with database.locked(place.data, wait_s=0):
            hub = Hub(place.data, settings, profiles, clock.now, wants=wants)
            id_ = command_rows.append(
                hub.connection, at=clock.now(), by=by, kind=kind, arguments=arguments
            )
            Commands(hub).apply_waiting()
            result = command_rows.result_of(hub.connection, id_)
            hub.checkpoint_all()
            hub.close()
            return result
    except database.Locked:
        return _ask(place, by, kind, arguments, clock.now())


def _ask(
    place: Place, by: str, kind: str, arguments: dict[str, Any], now: int
) -> dict[str, Any] | None:
    connection = database.connect(place.data)
    try:
        id_ = command_rows.append(
            connection, at=now, by=by, kind=kind, arguments=arguments
        )
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            result = command_rows.result_of(connection, id_)
            if result is not None:
                return result
            time.sleep(0.01)
        return None
    finally:
        connection.close()


def prober(settings: Settings) -> Callable[[Subscription], Verdict]:
    """What sends a test event to a subscription and answers what was said."""
    real_now = Clock().now
    webhook = Webhook(
        networks(settings.notify.private_networks),
        settings.notify.timeout_s,
        lambda: real_now() / 1000,
    )
    return lambda item: probe(item, webhook.deliver, real_now())
