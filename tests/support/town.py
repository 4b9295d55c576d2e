"""A town in this process: a hub over a database of its own, on a clock by hand."""

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zoneinfo import ZoneInfo

from sensorhub.alerts.rules import Rule, compile_rules
from sensorhub.clock import HandClock
from sensorhub.config.settings import Settings
from sensorhub.decode.decoders import DECODERS
from sensorhub.fleet import parse_fleet_text
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.hub.watchdog import Watchdog
from sensorhub.ingest.pipeline import Pipeline
from sensorhub.model import Message
from sensorhub.notify.subscription_filter import wants
from sensorhub.registry.profiles import Profile, load_profiles
from sensorhub.rules.schema import Rulebook, RuleSettings
from sensorhub.store import database, migration, register, rule_versions
from sensorhub.store.hot import commands, counters
from sensorhub.store.hot.changeset import ChangeSet
from sensorhub.views.listings import alerts_view, readings_view
from tests.support.opened import close_later

NOW = 1_795_000_000_000  # 2026-11-18T11:06:40Z
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
SHIPPED = (Path(__file__).parents[2] / "config" / "rules.toml").read_text("utf-8")
HEADER = "zone,site,asset,kind,device,profile,empty_mm,full_mm,tags,from,until"
FLEET = f"""{HEADER}
east,park,bin-1,bin,d1,native,1200,200,daily,,
east,park,bin-2,bin,d2,native,,,,,
east,hall,wc-1,toilet,w1,native,,,,,
west,quay,bin-3,bin,d3,native,,,daily,,
"""
UP = (
    '[[rules]]\nid = "full"\nkind = "threshold"\ncategory = "collect"\n'
    'measurement = "fill_level"\nlevels = [\n'
    '  {severity = "warning", raise = 80, clear = 70},\n'
    '  {severity = "urgent", raise = 90, clear = 80},\n]\n'
    'text = {zh-CN = "满", en = "full {value}{unit}"}\n'
)

FIRE = """
[[rules]]
id = "hot"
kind = "threshold"
category = "safety"
measurement = "temperature"
levels = [
  {severity = "warning", raise = 40},
  {severity = "urgent", raise = 50},
  {severity = "danger", raise = 65},
]
text = {zh-CN = "热", en = "hot"}
"""


def rule_settings(**keys: Any) -> RuleSettings:
    """A rule's settings: warning from 80, clear below 70, but for `keys`."""
    plain: dict[str, Any] = {
        "id": "r",
        "kind": "threshold",
        "category": "collect",
        "measurement": "fill_level",
        "levels": [{"severity": "warning", "raise": 80, "clear": 70}],
        "text": {"zh-CN": "文", "en": "text"},
    } | keys
    given = {key: value for key, value in plain.items() if value is not None}
    return RuleSettings.model_validate(given)


def rule(**keys: Any) -> Rule:
    """The same, ready to evaluate."""
    return compile_rules(Rulebook(rules=(rule_settings(**keys),)), "Asia/Shanghai")[0]


@cache
def profiles() -> dict[str, Profile]:
    """The built-in profiles."""
    return load_profiles(Path(mkdtemp()), DECODERS)


@cache
def _empty_database() -> Path:
    folder = Path(mkdtemp())
    migration.prepare(folder)
    with closing(database.connect(folder)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder / database.FILE


def native(
    device: str,
    values: Mapping[str, float] | None = None,
    *,
    zone: str = "east",
    flags: int = 2,
    **more: Any,
) -> Message:
    """A native uplink; `more` has ts and seq."""
    body = {"m": dict(values or {})} | more
    topic = f"sensorhub/v1/{zone}/{device}/up".encode()
    return Message(topic, json.dumps(body).encode(), flags)


def uplink(payload: bytes, topic: str = "sensorhub/v1/east/d1/up") -> Message:
    """Any bytes under any topic, QoS 1."""
    return Message(topic.encode(), payload, 2)


class Town:
    """Send uplinks, turn the clock, act, and look at what came of it."""

    def __init__(
        self,
        folder: Path,
        rules: str = SHIPPED,
        fleet: str = FLEET,
        *,
        now: int = NOW,
        known: dict[str, Profile] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.folder = folder
        self.clock = HandClock(now)
        self._known = profiles() if known is None else known
        self._settings = settings or Settings()
        shutil.copy(_empty_database(), folder / database.FILE)
        with closing(database.connect(folder)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            rule_versions.add(connection, rules, "file", now)
            self._import(connection, fleet)
            connection.execute("COMMIT")
        self.seq = 0
        self.begin()
        close_later(self)

    def _import(self, connection: Any, fleet: str) -> None:
        rows = parse_fleet_text(fleet, "fleet.csv", ZoneInfo("Asia/Shanghai"))
        register.import_rows(
            connection, rows, self.clock.time, profiles().keys() | self._known.keys()
        )

    def begin(self) -> None:
        """Start a hub on the folder."""
        configuration = Configuration(self._settings, self._known, wants=wants)
        self.hub = Hub(self.folder, configuration, self.clock.now)
        database.relax_durability(self.hub.connection)  # no test cuts the power
        self.watchdog = Watchdog(self.hub, self.clock.time)
        self.commands = CommandDispatcher(self.hub)

    def close(self) -> None:
        """End the hub; called at the end of the test where nobody did."""
        self.hub.close()

    def kill(self) -> None:
        """End the hub without a checkpoint, and start another."""
        self.hub.close()
        self.begin()

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of the hub's present state."""
        hub = self.hub
        return hub.session.pipeline

    def take(self, messages: Iterable[Message]) -> ChangeSet:
        """One batch, now."""
        change_set = self.pipeline.process(list(messages), self.clock.time).changes
        self.hub.commit(change_set)
        return change_set

    def up(self, device: str, after: int = 0, **values: float) -> ChangeSet:
        """One uplink of a device, `after` ms later than now; time stands then."""
        self.clock.time += after
        self.seq += 1
        message = native(device, values, seq=self.seq, ts=self.clock.time)
        return self.take([message])

    def tick(self, after: int = 0, *, hearing: bool = True) -> ChangeSet:
        """Turn the clock and let the watchdog look."""
        self.clock.time += after
        change_set = self.watchdog.tick(self.clock.time, hearing, self.clock.time)
        self.hub.commit(change_set)
        return change_set

    def wait(self, time: int, step: int = 10 * MINUTE) -> None:
        """Tick through `time` ms, hearing."""
        for _ in range(time // step):
            self.tick(step)

    def act(
        self, kind: str, /, *, by: str = "wang", **arguments: Any
    ) -> dict[str, Any]:
        """An operator's act; its result."""
        number = commands.append(
            self.hub.connection,
            at=self.clock.time,
            by=by,
            kind=kind,
            arguments=arguments,
        )
        self.commands.apply_waiting()
        result = commands.result_of(self.hub.connection, number)
        assert result is not None
        return result

    def alerts(self, *, all_: bool = True) -> list[dict[str, Any]]:
        """As `alerts --json` shows them."""
        return [dict(view) for view in alerts_view(self.hub.connection, all_=all_)]

    def open(self) -> dict[tuple[str, str], str]:
        """Severity of each open alert by (rule, asset)."""
        views = self.alerts(all_=False)
        return {(v["rule"], v["asset"]): v["severity"] for v in views}

    def story(self, rule: str, asset: str) -> list[str]:
        """The transitions of a rule on an asset, as words."""
        return [
            f"{t['to']} {t['severity']}"
            for view in self.alerts()
            if (view["rule"], view["asset"]) == (rule, asset)
            for t in view["transitions"]
        ]

    def readings(self, asset: str, measurement: str | None = None) -> list[Any]:
        """An asset's readings, all times."""
        span = (0, 2**60)
        found = readings_view(self.hub.connection, asset, measurement, span)
        assert found is not None
        return found

    def count(self, name: str) -> int:
        """A counter, as it is in the database."""
        return counters.load(self.hub.connection)[name]

    def ends(self) -> tuple[int, int, int]:
        """Uplinks stored, duplicate, dead; their sum must be what was received."""
        names = ("uplinks_stored", "uplinks_duplicate", "uplinks_dead")
        stored, duplicate, dead = (self.count(name) for name in names)
        assert self.count("uplinks_received") == stored + duplicate + dead
        return stored, duplicate, dead

    def told(self, change_set: ChangeSet) -> list[str]:
        """What a ledger tells subscribers, as words."""
        return [
            f"{event['rule']} {event['transition']['to']} {event['severity']}"
            for row in change_set.outbox
            if row.subscription != "mqtt"
            for event in [json.loads(row.body)]
        ]

    def subscribe(self, **choice: Any) -> None:
        """A webhook subscriber."""
        secret = "whsec_" + "A" * 32
        result = self.act(
            "subscribe",
            id="hook",
            url="https://town.example/hook",
            choice=choice,
            secret=secret,
        )
        assert result == {"id": "hook"}
