"""A hub inside the test: told what comes, killed at will, looked into."""

import sqlite3
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from sensorhub.alerts import flapping
from sensorhub.alerts.open_alerts import AlertSource
from sensorhub.clock import HandClock
from sensorhub.fleet import parse_fleet_text
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.workspace import Workspace, load_all, prepare
from sensorhub.model import DUP, Message
from sensorhub.state.checkpoint import DEVICE_COLUMNS
from sensorhub.state.state import State
from sensorhub.store import database, history
from sensorhub.store.hot.commands import Command
from sensorhub.views.listings import alerts_view
from tests.support.opened import close_later

HOUR = 3_600_000
REMEMBERED_MS = 10_000


class Story:
    """One hub over `folder`; every act takes the hub's time from `clock`."""

    def __init__(
        self, folder: Path, now: int, rules: str, fleet: str, settings: str = ""
    ) -> None:
        config = folder / "config"
        config.mkdir(parents=True)
        (config / "rules.toml").write_text(rules, "utf-8")
        (config / "sensorhub.toml").write_text(settings, "utf-8")
        self.place = Workspace(config, folder / "data")
        self.clock = HandClock(now)
        self.settings, self.profiles = load_all(self.place)
        prepare(self.place, self.settings, self.profiles)
        self._ticks = 0
        self.heard = True
        self._start()
        close_later(self)
        self.act("fleet_import", rows=rows_of_csv(fleet))

    def _start(self) -> None:
        configuration = Configuration(self.settings, self.profiles)
        self.hub = Hub(self.place.data, configuration, self.clock.now)
        database.relax_durability(self.hub.connection)  # no test cuts the power
        self.watchdog = Watchdog(self.hub, self.clock.now())

    def close(self) -> None:
        """End the hub; called at the end of the test where nobody did."""
        self.hub.close()

    def kill(self) -> None:
        """Nothing more is written; a new hub begins at once from what is on disk."""
        self.hub.close()
        self._start()
        self.tick()

    def stop(self) -> None:
        """A clean stop, and a new start."""
        self.hub.checkpoint_all()
        self.kill()

    def take(self, messages: list[Message], *, commit: bool = True) -> None:
        """A batch comes; without `commit` the hub dies before it is on disk."""
        pipeline = self.hub.session.pipeline
        change_set = pipeline.process(messages, self.clock.now()).changes
        if commit:
            self.hub.commit(change_set)

    def tick(self) -> None:
        """The watchdog looks at the clock, twice: it does so all the time."""
        for _ in range(2):
            self._ticks += 1
            now, real = self.clock.now(), self._ticks * REMEMBERED_MS
            self.hub.commit(self.watchdog.tick(now, self.heard, real))

    def act(self, name: str, **arguments: Any) -> dict[str, Any]:
        """An operator acts."""
        command = Command(0, self.clock.now(), "op", name, arguments)
        return CommandDispatcher(self.hub).apply(command)

    # -- what there is to see --

    def counters(self) -> Counter[str]:
        rows = self.hub.connection.execute("SELECT name, value FROM counters")
        return Counter(dict(rows.fetchall()))

    def readings(self) -> list[tuple[Any, ...]]:
        """Every reading of every asset, as kept."""
        connection = self.hub.connection
        names = dict(connection.execute("SELECT no, id FROM devices").fetchall())
        found = []
        for (asset,) in connection.execute("SELECT no FROM assets").fetchall():
            parts = history.read_asset(
                connection, asset=asset, since=-(2**60), until=2**60
            )
            found += [(asset, *row) for part in parts for row in part.rows(names)]
        return sorted(found)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return sorted(self.hub.connection.execute(query).fetchall(), key=repr)

    def alerts(self) -> list[dict[str, Any]]:
        return [dict(view) for view in alerts_view(self.hub.connection, all_=True)]

    def records(self) -> dict[str, Any]:
        """What is on disk and must not depend on when the hub was killed."""
        return {
            "readings": self.readings(),
            "alerts": self.alerts(),
            "letters": self.rows(
                "SELECT topic, payload, device, reason, detail, received_at"
                " FROM dead_letters"
            ),
            "services": self.rows("SELECT asset, kind, at, by_ FROM services"),
            "outbox": self.rows("SELECT id, subscription, alert FROM outbox"),
            "availability": self.rows("SELECT * FROM availability"),
            "counters": {
                name: value
                for name, value in self.counters().items()
                if name not in MOVED_BY_REDELIVERY
            },
        }


# a batch that comes again after a kill is received again, as duplicates
MOVED_BY_REDELIVERY = {
    "uplinks_received",
    "uplinks_duplicate",
    "uplink_same_seq",
    "uplink_same_bytes",
    "uplink_retained",
    "events_received",
    "zone_mismatches",
    "values_ignored",
    "notifications_held",
}


def rows_of_csv(text: str) -> str:
    """A CSV file's rows as the command line hands them to the hub."""

    return parse_fleet_text(text, "fleet.csv", ZoneInfo("UTC")).to_json()


def again(messages: list[Message]) -> list[Message]:
    """The batch as the broker sends it again."""
    return [Message(t, p, flags | DUP) for t, p, flags in messages]


def facts(hub: Hub) -> dict[str, Any]:
    """The whole memory of a hub, under names that outlive a restart."""
    return state_facts(hub.session.state, hub.now()) | _lifecycle(hub)


def state_facts(state: State, now: int) -> dict[str, Any]:
    """What the state holds at `now` (ms), under names that outlive a restart."""
    return _columns(state, now) | _tracks(state)


def _columns(state: State, now: int) -> dict[str, Any]:
    registry = state.registry
    found: dict[str, Any] = {
        key: getattr(getattr(state, part), name).tolist()
        for key, (part, name) in DEVICE_COLUMNS.items()
    }
    names = [n for n in state.series.COLUMNS if n not in {"device", "code"}]
    found["series"] = {
        _series(state, s): [
            repr(getattr(state.series, name)[s].item()) for name in names
        ]
        for s in range(state.series.count)
    }
    found["recent"] = sorted(state.dedup.recent.keys)
    found["bare"] = {
        k: at for k, at in state.dedup.recent.bare.items() if now - at < 60_000
    }
    found["covered"] = state.reception.monitored_ms
    found["asset_of"] = registry.asset_of.tolist()
    found["mounted"] = [registry.mounted_from.tolist(), registry.mounted_until.tolist()]
    return found


def _series(state: State, series: int) -> tuple[int, int]:
    return int(state.series.device[series]), int(state.series.code[series])


def _tracks(state: State) -> dict[str, Any]:
    state.rules.calm()
    tracks = {}
    for (rule, s), track in state.rules.tracks.items():
        changes = flapping.recent_changes(track.changes, int(state.series.samples[s]))
        if changes or any(c.active or not c.is_idle() for c in track.comparators):
            marks = [
                (c.active, c.since, c.clear_since, c.bits) for c in track.comparators
            ]
            tracks[rule, *_series(state, s)] = marks, changes
    return {
        "tracks": tracks,
        "means": {
            (rule, *_series(state, s)): (track.mean.times, track.mean.values)
            for (rule, s), track in state.rules.tracks.items()
            if track.mean.times
        },
        "flapping": {(rule, *_series(state, s)) for rule, s in state.rules.flapping},
        "health": msgspec.to_builtins(state.health.dump(0, state.registry.devices)),
        "fills": _levels(state),
    }


def _levels(state: State) -> dict[str, Any]:
    rows = state.levels.dump(0, state.registry.devices)
    return {name: getattr(rows, name) for name in rows.__struct_fields__}


def _lifecycle(hub: Hub) -> dict[str, Any]:
    lifecycle = hub.session.lifecycle

    def source(of: AlertSource) -> tuple[Any, ...]:
        return of if of.kind != "series" else _series(hub.session.state, of.no)

    return {
        "open": {key: asdict(alert) for key, alert in lifecycle._alerts.by_key.items()},
        "levels": {
            key: {source(s): int(level) for s, level in sources.items()}
            for key, sources in lifecycle._alerts.levels.items()
        },
        "service_at": lifecycle._services._service_at.tolist(),
        "flagged": [s.flagged.tolist() for s in lifecycle._no_data._rules],
        "overdue": [o.level.tolist() for o in lifecycle._services._rules],
        "held": sorted(
            id_
            for id_, (alert, _) in lifecycle._notifications._withheld.items()
            if alert.notified != alert.status
        ),
        "silences": [
            one for one in lifecycle._notifications.silences if one.until_at > hub.now()
        ],
        "subscriptions": lifecycle._notifications.subscriptions,
    }


def connection_of(story: Story) -> sqlite3.Connection:
    """The database of a story, for tests that damage it."""
    return story.hub.connection
