"""The processes of a measurement: publisher, bare subscriber, hub; their CPU time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from sensorhub.clock import Clock
from sensorhub.store import database, segments
from sensorhub.store.hot import counters, outbox
from tests.bench.packets import DAY_MS, EMPTY_MM, FULL_MM, device_name
from tests.support.brokers import Mosquitto, Peer

ROOT = Path(__file__).parents[2]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PATIENCE_S = 600.0
FILTERS = {"native": "sensorhub/v1/+/+/up", "wrapped": "application/+/device/+/event/+"}
PROFILES = {"native": "native", "wrapped": "milesight-em400-tld"}
STATUS = "sensorhub/v1/hub/status"


def say(text: str) -> None:
    """Progress for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def until(condition: Callable[[], bool], what: str, every_s: float = 0.05) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(every_s)


def cpu_s(pid: int) -> float:
    """User and system time of a process with all its threads."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_mb(pid: int, *, peak: bool = False) -> float:
    """Resident memory now, or the most it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM" if peak else "VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


class Script:
    """A process of ours that is told and asked line by line."""

    def __init__(self, module: str, *words: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}", *map(str, words)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise ChildProcessError(f"{self._process.args!r} ended")
        return line

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> "Script":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def publisher(
    broker: Mosquitto, devices: int, form: str = "native", change: float = 0.015
) -> Script:
    """A publisher for this many devices."""
    start = Clock().now() - 7 * DAY_MS
    return Script("publisher", broker.port, devices, form, change, start)


def send(script: Script, rounds: int, rate: float = 0) -> None:
    """Have rounds sent; returns once the broker has them."""
    script.tell(f"go {rounds} {rate}")
    assert script.hear() == "done"


def prepare(script: Script, rounds: int) -> None:
    """Have rounds made ahead."""
    script.tell(f"prepare {rounds}")
    assert script.hear() == "done"


@contextmanager
def broker() -> Iterator[Mosquitto]:
    """A broker of one's own."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as found:
        yield found


class Hub:
    """A hub as `sensorhub hub` runs it, with its register and its own broker."""

    def __init__(self, folder: Path, devices: int, form: str = "native") -> None:
        self.folder, self.data = folder, folder / "data"
        self.config = folder / "config"
        shutil.copytree(ROOT / "config", self.config)
        self.broker = Mosquitto(folder).start()
        self.env = {**os.environ, "SENSORHUB_MQTT__PORT": str(self.broker.port)}
        self.env["SENSORHUB_LOG__FORMAT"] = "json"
        self._register(devices, form)
        self._read = database.connect(self.data, read_only=True)
        self._process: subprocess.Popen[bytes] | None = None

    def _register(self, devices: int, form: str) -> None:
        path = self.folder / "fleet.csv"
        head = "zone,site,asset,kind,empty_mm,full_mm,device,profile\n"
        with path.open("w") as file:
            file.write(head)
            for i in range(1, devices + 1):
                zone = 1 + i % 3
                file.write(
                    f"z{zone},s{zone}-{i % 100},bin-{i},bin,{EMPTY_MM},{FULL_MM},"
                    f"{device_name(form, i)},{PROFILES[form]}\n"
                )
        self.command("fleet", "import", str(path))

    def _words(self, *words: str) -> list[str]:
        places = ("--config", str(self.config), "--data", str(self.data))
        return [sys.executable, "-m", "sensorhub", *words, *places]

    def command(self, *words: str) -> bytes:
        """What a `sensorhub` command prints."""
        run = subprocess.run(
            self._words(*words), cwd=ROOT, env=self.env, check=True, capture_output=True
        )
        return run.stdout

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start the hub; seconds until it said at the broker that it is there."""
        with Peer(self.broker.port, [STATUS]) as peer:
            before = sum(b"online" in payload for _, payload, _ in peer.received)
            began = time.monotonic()
            with (self.folder / "hub.log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._words("hub"), cwd=ROOT, env=self.env, stderr=log
                )

            def online() -> bool:
                self._alive()
                said = [json.loads(payload) for _, payload, _ in peer.received]
                return [s["state"] for s in said].count("online") > before

            until(online, "the hub", 0.005)
            return time.monotonic() - began

    def _alive(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, "the hub ended"

    def stop(self, *, kill: bool = False) -> None:
        """End the hub, cleanly or not."""
        assert self._process is not None
        (self._process.kill if kill else self._process.terminate)()
        self._process.wait(60)

    def counts(self) -> dict[str, int]:
        """The hub's counters."""
        return dict(counters.load(self._read))

    def received(self) -> int:
        """Uplinks on disk."""
        return self.counts().get("uplinks_received", 0)

    def data_mb(self) -> float:
        """What the data folder takes."""
        return sum(path.stat().st_size for path in self.data.iterdir()) / 1e6

    def wait_done(self, uplinks: int) -> None:
        """Until so many uplinks came, history has passed them and all is told."""

        def done() -> bool:
            self._alive()
            lag = segments.waiting(self._read, segments.cursor(self._read))[1]
            return (
                self.received() >= uplinks
                and lag == 0
                and outbox.count_pending(self._read) == 0
            )

        until(done, f"{uplinks} uplinks done")
        assert self.received() == uplinks, "more received than sent"

    def close(self) -> None:
        self._read.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.broker.kill()


@contextmanager
def hub(devices: int, form: str = "native", *, start: bool = True) -> Iterator[Hub]:
    """A hub with this many devices in its register."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    found = Hub(folder, devices, form)
    try:
        if start:
            found.start()
        yield found
    finally:
        found.close()
        shutil.rmtree(folder)
