"""A real InfluxDB 2 for tests: built from its Go module, killed at will, asked."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from sensorhub.clock import Clock
from sensorhub.config.influx import InfluxSettings

from .brokers import free_port, until

BUILD = Path(__file__).parents[1] / "influxd" / "build.sh"
TOKEN, ORG, BUCKET = "a-token-of-the-tests", "town", "sensorhub"


def need_influxd() -> str:
    """The program; skips the test where it is not built, but fails in CI."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("INFLUXD_CACHE") or Path(cache) / "sensorhub")
    found = sorted(folder.glob("influxd-[0-9.]*[0-9]"))
    if found:
        return str(found[-1])
    reason = "influxd is not built: `make influxd` builds it"
    if shutil.which("go") is None:
        reason = "influxd is not built, and there is no Go to build it with"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; CI needs it")
    pytest.skip(reason)


class Influxd:
    """One InfluxDB with its own folder and port; what it has outlives a kill."""

    def __init__(self, folder: Path, retention_s: int = 0) -> None:
        self.program = need_influxd()
        self.folder = folder / "influxd"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._retention_s = retention_s
        self._set_up = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Influxd":
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self.program, "--reporting-disabled"),
                    *("--http-bind-address", f"127.0.0.1:{self.port}"),
                    *("--bolt-path", str(self.folder / "bolt")),
                    *("--sqlite-path", str(self.folder / "sqlite")),
                    *("--engine-path", str(self.folder / "engine")),
                ],
                stdout=log,
                stderr=log,
            )
        until(self._is_up, "influxd answers", 60)
        if not self._set_up:
            self._set_up = True
            self.ask(
                "POST",
                "/api/v2/setup",
                {
                    "username": "op",
                    "password": "a-password-of-the-tests",
                    "org": ORG,
                    "bucket": BUCKET,
                    "token": TOKEN,
                    "retentionPeriodSeconds": self._retention_s,
                },
            )
        return self

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """As a service manager does."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def __enter__(self) -> "Influxd":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    # -- asking it --

    def settings(self, **changed: Any) -> InfluxSettings:
        """Settings of a hub that forwards to it."""
        given: dict[str, object] = {
            "url": self.url,
            "token": TOKEN,
            "org": ORG,
            "bucket": BUCKET,
        }
        given |= {"every_s": 0.05, "retry_s": 0.2}
        return InfluxSettings.model_validate(given | changed)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A call of its API; `body`: JSON, or bytes as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if method == "GET" else data,
            method=method,
            headers={"Authorization": f"Token {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = answer.read()
        return json.loads(said) if said.strip() else None

    @staticmethod
    def now_ms() -> int:
        """The real time that its retention goes by."""
        return Clock().now()

    def write(self, lines: str) -> None:
        """Write lines by hand."""
        path = f"/api/v2/write?org={ORG}&bucket={BUCKET}&precision=ms"
        self.ask("POST", path, lines.encode())

    def rows(self, question: str) -> list[dict[str, Any]]:
        """What InfluxQL answers, a row a mapping; times in ms."""
        words = urllib.parse.urlencode({"db": BUCKET, "epoch": "ms", "q": question})
        said = self.ask("GET", f"/query?{words}")["results"][0]
        assert "error" not in said, said
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in said.get("series", [])
            for row in series["values"]
        ]

    def count(self, field: str = "fill_level", measurement: str = "readings") -> int:
        """How many points have a field."""
        rows = self.rows(f'SELECT count("{field}") FROM "{measurement}"')
        return int(rows[0]["count"]) if rows else 0
