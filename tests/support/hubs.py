"""A real hub process with its folders and broker; what was measured for the docs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensorhub.alerts.event import rfc3339
from sensorhub.store import database, segments
from sensorhub.store.hot import counters, outbox
from sensorhub.views.listings import readings_view
from tests.support.brokers import until

ROOT = Path(__file__).parents[2]
# taken out of the environment: the hub would take it for a setting
KILLS = int(os.environ.pop("SENSORHUB_KILLS", "5"))
COLUMNS = "zone,site,asset,kind,latitude,longitude,capacity_l,empty_mm,full_mm"
FIRE = """
[[rules]]
id = "fire"
kind = "threshold"
category = "safety"
measurement = "temperature"
levels = [{ severity = "danger", raise = 65, clear = 50 }]
text = { zh-CN = "{asset} {value}", en = "{asset} {value}" }
"""
FULL = """
[[rules]]
id = "bin_full"
kind = "threshold"
category = "collect"
measurement = "fill_level"
levels = [
  { severity = "warning", raise = 80, clear = 70 },
  { severity = "urgent", raise = 90, clear = 80 },
]
hold = "10m"
max_gap = "12h"
text = { zh-CN = "{asset} {value}", en = "{asset} {value}" }
"""
SILENT = """
[[rules]]
id = "silent_device"
kind = "no_data"
category = "device"
levels = [{ severity = "device", raise = 0 }]
intervals = 3
at_least = "2h"
text = { zh-CN = "{asset}", en = "{asset}" }
"""


def fleet_csv(count: int) -> str:
    """A register with `count` bins `bin0`… and native devices `d0`… on them."""
    lines = [f"{COLUMNS},device,profile"]
    lines += [f"z1,s1,bin{n},bin,,,,,,d{n},native" for n in range(count)]
    return "\n".join(lines) + "\n"


class HubProcess:
    """`sensorhub hub` over folders of its own; it may be killed and started anew."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        rules: str = FIRE + FULL,
        devices: int = 0,
        **settings: object,
    ) -> None:
        self.config, self.data = folder / "config", folder / "data"
        self.config.mkdir(parents=True, exist_ok=True)
        (self.config / "rules.toml").write_text(rules, "utf-8")
        self.log = folder / "hub.log"
        self.env = self._environment({"mqtt__port": port, **settings})
        self._process: subprocess.Popen[bytes] | None = None
        if devices:
            file = folder / "fleet.csv"
            file.write_text(fleet_csv(devices), "utf-8")
            self.command("fleet", "import", str(file))

    @staticmethod
    def _environment(settings: Mapping[str, object]) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("SENSORHUB_")}
        env |= {f"SENSORHUB_{k.upper()}": str(v) for k, v in settings.items()}
        env["PYTHONPATH"] = str(ROOT)
        return env

    def change(self, **settings: object) -> None:
        """Other settings from the next start on."""
        self.env |= {f"SENSORHUB_{k.upper()}": str(v) for k, v in settings.items()}

    def _line(self, *words: str) -> list[str]:
        folders = ["--config", str(self.config), "--data", str(self.data)]
        return [sys.executable, "-m", "sensorhub", *words, *folders]

    # -- the process --

    def launch(self) -> None:
        """Start it and do not wait."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._line("hub"), stdout=log, stderr=log, env=self.env
            )

    def start(self) -> "HubProcess":
        """Start it and wait until it is connected: a first session begins then."""
        before = self.log.stat().st_size if self.log.exists() else 0
        self.launch()
        until(lambda: self._is_connected(before), "the hub is connected")
        return self

    def _is_connected(self, before: int) -> bool:
        assert self.alive(), self.log.read_text()
        return b'"event": "connected"' in self.log.read_bytes()[before:]

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit code."""
        return self._end(signal.SIGTERM)

    def hang_up(self) -> None:
        """SIGHUP: it reads rules.toml at once."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """The exit code of a hub that ends by itself."""
        assert self._process is not None
        code = self._process.wait(30)
        self._process = None
        return code

    def __enter__(self) -> "HubProcess":
        return self.start()

    def __exit__(self, *_event: object) -> None:
        if self.alive():
            self.kill()

    # -- looking at it --

    def command(self, *words: str) -> Any:
        """What a command says with --json."""
        done = subprocess.run(
            self._line(*words, "--json"), env=self.env, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def numbers(self) -> Counter[str]:
        """Counters, and what is pending; read from the database."""
        connection = database.connect(self.data, read_only=True)
        try:
            found = counters.load(connection)
            found["outbox_pending"] = outbox.count_pending(connection)
            cursor = segments.cursor(connection)
            found["lag"] = segments.waiting(connection, cursor)[1]
        finally:
            connection.close()
        return found

    def ended(self) -> int:
        """Distinct uplinks that ended, stored or dead."""
        found = self.numbers()
        return found["uplinks_stored"] + found["uplinks_dead"]

    def until_ended(self, uplinks: int, wait_s: float = 60) -> None:
        """Wait until so many distinct uplinks are stored or dead, and all are told."""
        until(lambda: self.ended() >= uplinks, f"{uplinks} uplinks ended", wait_s)
        end = time.monotonic() + wait_s
        while self.numbers()["outbox_pending"]:
            assert time.monotonic() < end, f"not told: {self.pending()}"
            time.sleep(0.05)

    def pending(self) -> list[tuple[Any, ...]]:
        """What waits in the outbox."""
        connection = database.connect(self.data, read_only=True)
        try:
            return connection.execute(
                "SELECT no, id, subscription, attempts, next_at, error, body"
                " FROM outbox WHERE state = 'pending' LIMIT 5"
            ).fetchall()
        finally:
            connection.close()

    def readings(self, asset: str, measurement: str) -> list[tuple[str, float]]:
        """(measured_at, value) as `readings --json` shows them."""
        since = ("--since", "2026-01-01", "--until", "2036-01-01")
        rows = self.command("readings", asset, "--measurement", measurement, *since)
        return [(row["measured_at"], row["value"]) for row in rows]

    def kept(self, asset: str, measurement: str) -> list[tuple[str, float]]:
        """The same without a command: quick enough for every asset."""
        connection = database.connect(self.data, read_only=True)
        try:
            span = (-(2**60), 2**60)
            rows = readings_view(connection, asset, measurement, span) or []
            return [(str(rfc3339(row.measured_at)), row.value) for row in rows]
        finally:
            connection.close()

    def transitions(self) -> list[tuple[Any, ...]]:
        """Every transition of every alert, without the time of deciding."""
        return transitions(self.command("alerts", "--all"))

    def sums_are_exact(self) -> Counter[str]:
        """received = stored + duplicate + dead; answers the counters."""
        found = Counter(self.command("status")["counters"])
        ends = ("uplinks_stored", "uplinks_duplicate", "uplinks_dead")
        assert found["uplinks_received"] == sum(found[name] for name in ends), found
        return found


def transitions(alerts: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Transitions of alerts as `alerts --json` shows them, sorted."""
    found = [
        (
            *(alert["rule"], alert["asset"], alert["id"], row["id"]),
            *(row["from"], row["to"], row["severity"]),
            json.dumps(row["cause"], sort_keys=True),
        )
        for alert in alerts
        for row in alert["transitions"]
    ]
    return sorted(found, key=repr)


def report(case: str, done: str, lost: int, doubled: int, measured: str) -> None:
    """Note a case for the table in docs/operations.md."""
    folder = ROOT / "build" / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    row = {"case": case, "done": done, "lost": lost, "doubled": doubled}
    row["measured"] = measured
    name = "".join(c if c.isalnum() else "-" for c in case)
    (folder / f"{name}.json").write_text(json.dumps(row), "utf-8")
