"""Leave behind a data folder of this version: `python tests/past/make.py`.

Run once when a version is released; the file and what it must show are kept, and
tests/integration/test_past_versions.py starts every later version on them.
"""

import gzip
import json
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC
from pathlib import Path

from sensorhub import __version__
from sensorhub.clock import HandClock
from sensorhub.config.settings import Settings
from sensorhub.decode.decoders import DECODERS
from sensorhub.fleet import parse_fleet_text
from sensorhub.hub.commands.dispatcher import CommandDispatcher
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.hub.watchdog import Watchdog
from sensorhub.hub.workspace import Workspace, prepare
from sensorhub.model import Message
from sensorhub.registry.profiles import load_profiles
from sensorhub.store import database
from sensorhub.store.hot import commands
from sensorhub.views.listings import alerts_view, readings_view

HERE = Path(__file__).parent
START = 1_772_323_200_000  # 2026-03-01T00:00Z
FLEET = """zone,site,asset,kind,empty_mm,full_mm,device,profile
z1,s1,bin-1,bin,1000,200,d-1,native
z1,s1,bin-2,bin,1000,200,d-2,native
z1,s2,wc-1,toilet,,,d-3,native
"""


def expected(connection: sqlite3.Connection) -> dict[str, object]:
    """What every later version must still show of the folder."""
    span = (START - 86_400_000, START + 30 * 86_400_000)
    views = {
        asset: [
            (r.measured_at, r.measurement, r.value)
            for r in readings_view(connection, asset, None, span) or []
        ]
        for asset in ("bin-1", "bin-2", "wc-1")
    }
    keys = ("id", "rule", "asset", "severity", "state", "started_at", "resolved_at")
    alerts = [
        {key: value for key, value in view.items() if key in keys}
        for view in alerts_view(connection, all_=True)
    ]
    counters = dict(connection.execute("SELECT name, value FROM counters"))
    received = {key: counters[key] for key in sorted(counters) if "uplinks" in key}
    return {"readings": views, "alerts": alerts, "counters": received}


def main() -> None:
    """Run a small hub for two simulated days and keep what it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        clock = HandClock(START)
        profiles = load_profiles(None, DECODERS)
        settings = Settings()
        prepare(Workspace(HERE.parent.parent / "config", data), settings, profiles)
        hub = Hub(data, Configuration(settings, profiles), clock.now)
        rows = parse_fleet_text(FLEET, "fleet.csv", UTC)
        command = commands.Command(
            0, START, "maker", "fleet_import", {"rows": rows.to_json()}
        )
        CommandDispatcher(hub).apply(command)
        _live(hub, clock)
        hub.checkpoint_all()
        hub.close()
        with closing(database.connect(data)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shown = expected(connection)
            connection.execute("VACUUM")
        database_file = HERE / f"{__version__}.db.gz"
        raw = (data / database.FILE).read_bytes()
        database_file.write_bytes(gzip.compress(raw, mtime=0))
        text = json.dumps(shown, ensure_ascii=False, indent=1)
        (HERE / f"{__version__}.json").write_text(text + "\n", "utf-8")


def _live(hub: Hub, clock: HandClock) -> None:
    pipeline = hub.session.pipeline
    watchdog = Watchdog(hub, clock.now())
    for step in range(96):  # two days of half hours
        clock.time = START + step * 1_800_000
        messages = [_uplink(number, step, clock.time) for number in (1, 2, 3)]
        hub.commit(pipeline.process(messages, clock.time).changes)
        hub.commit(watchdog.tick(clock.time + 1, True, clock.time))


def _uplink(number: int, step: int, at: int) -> Message:
    if number == 3:
        values = {"nh3": round(0.5 + (step % 20) / 5, 2), "count_in": step * 9}
    else:
        values = {"fill_level": (step * (2 + number)) % 105, "battery": 90 - step // 4}
    body = json.dumps({"ts": at, "seq": step, "m": values}).encode()
    return Message(f"sensorhub/v1/z1/d-{number}/up".encode(), body, 2)


if __name__ == "__main__":
    main()
