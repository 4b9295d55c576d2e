"""The same readings in a real InfluxDB: what it needs for the same questions."""

import http.client
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from sensorhub.store.readings import Readings
from tests.support.influx import BUCKET, ORG, TOKEN, Influxd

FIELDS = ("fill_level", "temperature", "battery", "tilt")
LINES = 10_000  # of one request
LOOKS = 40


def program_there() -> bool:
    """Whether tests/influxd/build.sh has built one."""
    cache = Path.home() / ".cache" / "sensorhub"
    return any(cache.glob("influxd-[0-9.]*[0-9]"))


def lines(readings: Readings) -> Iterator[bytes]:
    """Line protocol, a line for four readings; times in ms."""
    at = readings.measured_at[::4].tolist()
    device = readings.device[::4].tolist()
    values = readings.value.reshape(-1, 4).tolist()
    made = [
        f"readings,zone=z1,asset=a{d},device=d{d} fill_level={a},temperature={b},"
        f"battery={c},tilt={e} {t}"
        for d, (a, b, c, e), t in zip(device, values, at, strict=True)
    ]
    for i in range(0, len(made), LINES):
        yield "\n".join(made[i : i + LINES]).encode()


class Beside:
    """An InfluxDB that is filled, and asked over one connection."""

    def __init__(self, folder: Path) -> None:
        self.influxd = Influxd(folder).start()
        self._http = http.client.HTTPConnection("127.0.0.1", self.influxd.port)
        self._head = {"Authorization": f"Token {TOKEN}"}
        self.points = 0

    def write(self, readings: Readings) -> None:
        """Write readings of four an uplink."""
        path = f"/api/v2/write?org={ORG}&bucket={BUCKET}&precision=ms"
        for body in lines(readings):
            self._http.request("POST", path, body, self._head)
            answer = self._http.getresponse()
            said = answer.read()
            assert answer.status == 204, said
            self.points += body.count(b"\n") + 1

    def ask(self, question: str) -> bytes:
        """The answer's bytes; nobody reads their JSON."""
        words = urlencode({"db": BUCKET, "epoch": "ms", "q": question})
        self._http.request("GET", f"/query?{words}", headers=self._head)
        return self._http.getresponse().read()

    def timed(self, questions: list[str]) -> dict[str, float]:
        """Median and 95th percentile of questions, ms."""
        taken = []
        for question in questions:
            began = time.perf_counter()
            assert b'"series"' in self.ask(question), question
            taken.append((time.perf_counter() - began) * 1000)
        p50, p95 = np.percentile(taken, (50, 95))
        return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}

    def close(self) -> None:
        self._http.close()
        self.influxd.kill()


def compare(weeks: Iterator[Readings], devices: int, until: int) -> dict[str, Any]:
    """Fill one with `weeks`; 30 days of a field, a year by days, all last values."""
    with tempfile.TemporaryDirectory(prefix="bench-influx-") as name:
        beside = Beside(Path(name))
        try:
            began = time.monotonic()
            for readings in weeks:
                beside.write(readings)
            spent = time.monotonic() - began
            chosen = np.random.default_rng(3).integers(0, devices, LOOKS).tolist()
            day = 86_400_000
            return {
                "influx_readings": 4 * beside.points,
                "influx_write_s": round(spent, 1),
                "influx_month": beside.timed([_month(a, until, day) for a in chosen]),
                "influx_year_by_day": beside.timed(
                    [_year(a, until, day) for a in chosen[:10]]
                ),
            }
        finally:
            beside.close()


def _month(asset: int, until: int, day: int) -> str:
    return (
        f"SELECT fill_level FROM readings WHERE device = 'd{asset}'"
        f" AND time >= {until - 30 * day}ms AND time < {until}ms"
    )


def _year(asset: int, until: int, day: int) -> str:
    wanted = ", ".join(
        f"{what}({field})"
        for field in FIELDS
        for what in ("first", "min", "mean", "max", "last", "count")
    )
    return (
        f"SELECT {wanted} FROM readings WHERE device = 'd{asset}' AND"
        f" time >= {until - 365 * day}ms AND time < {until}ms GROUP BY time(1d)"
    )
