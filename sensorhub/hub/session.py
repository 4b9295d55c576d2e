"""The session: what a hub builds from its database, swapped whole at a reload."""

from dataclasses import dataclass, field
from typing import NamedTuple

from sensorhub.alerting.lifecycle import AlertLifecycle
from sensorhub.alerting.notifications import Wants
from sensorhub.alerts.rules import Rule, compile_rules
from sensorhub.codecs.protocol import NO_CODECS, CodecRunner
from sensorhub.config.settings import Settings
from sensorhub.ingest.downlink_tracker import DownlinkTracker
from sensorhub.ingest.pipeline import Pipeline
from sensorhub.ingest.reader import MessageReader
from sensorhub.model import NEVER
from sensorhub.registry.profiles import Profile
from sensorhub.registry.registry import Registry
from sensorhub.rules.schema import Rulebook, parse_rules
from sensorhub.standards import Standards, built_in
from sensorhub.state.recovery import memory, registry_of
from sensorhub.state.state import State
from sensorhub.store import Connection, register, rule_versions
from sensorhub.store.hot.journal import JournalRow


def all_wanted(_choice: object, _event: object, _told_before: str) -> bool:
    """Select every subscriber."""
    return True


@dataclass(frozen=True, slots=True)
class Configuration:
    """What stays as it is while a hub runs; `wants` selects subscribers."""

    settings: Settings
    profiles: dict[str, Profile]
    standards: Standards = field(default_factory=built_in)
    codecs: CodecRunner = NO_CODECS
    wants: Wants = all_wanted


@dataclass(frozen=True, slots=True)
class Session:
    """What a hub works with until register, rules or mountings change.

    `settled_at` (ms): of when the mountings are; `versions`: of rules and register,
    as the journal has them.
    """

    settled_at: int
    rules_version: int
    versions: str
    registry: Registry
    state: State
    lifecycle: AlertLifecycle
    downlink_tracker: DownlinkTracker
    reader: MessageReader
    pipeline: Pipeline


class Recovered(NamedTuple):
    """A session, the last journal row that it stands for, and what was found.

    `new_devices`: some devices are monitored from now on only.
    """

    session: Session
    cursor: int
    damaged: list[JournalRow]
    new_devices: bool


def build_session(
    connection: Connection, configuration: Configuration, settled_at: int, now: int
) -> Recovered:
    """Build a session from the database: register, rules, checkpoints, journal.

    Mountings are those of `settled_at` (ms). Writes nothing. Raises ConfigError where
    the rules are not valid.
    """
    settings = configuration.settings
    registry = registry_of(connection, configuration.profiles, settled_at)
    rules_version, book, rules = _load_rules(connection, configuration)
    damaged: list[JournalRow] = []
    state, cursor = memory(connection, settings, registry, rules, damaged.append)
    reception = state.reception
    new = reception.monitored_at == NEVER
    reception.monitored_at[new] = reception.monitored_ms
    state.rules.refresh()
    lifecycle = AlertLifecycle(state, book.inhibit, configuration.wants)
    lifecycle.restore(connection, now)
    tracker = DownlinkTracker()
    tracker.load(connection, len(registry.device_ids), now)
    reader = MessageReader(
        registry,
        settings.mqtt.topics,
        settings.mqtt.max_payload_bytes,
        codecs=configuration.codecs,
    )
    session = Session(
        settled_at=settled_at,
        rules_version=rules_version,
        versions=f"{rules_version}.{register.version(connection)}",
        registry=registry,
        state=state,
        lifecycle=lifecycle,
        downlink_tracker=tracker,
        reader=reader,
        pipeline=Pipeline(state, lifecycle, reader, tracker),
    )
    return Recovered(session, cursor, damaged, bool(new.any()))


def _load_rules(
    connection: Connection, configuration: Configuration
) -> tuple[int, Rulebook, tuple[Rule, ...]]:
    version, text = rule_versions.latest(connection)
    settings = configuration.settings
    book = parse_rules(text, f"rules version {version}", configuration.standards)
    rules = compile_rules(book, settings.timezone, settings.air.pressure_kpa)
    return version, book, rules
