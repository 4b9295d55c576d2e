"""What history costs: making segments and chunks, bytes kept, reads of an asset.

    python tests/bench/history.py [--devices 500] [--days 35] [--data FOLDER]

Every device tells noisy fill, temperature, battery and tilt every ten minutes,
with a jitter of milliseconds. Prints JSON; times are CPU of this process.
"""

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sensorhub.clock import HandClock
from sensorhub.columns import Columns, Notes, pack
from sensorhub.config.settings import HistorySettings
from sensorhub.store import history_maker
from sensorhub.store.database import FILE, connect
from sensorhub.store.history import read_asset
from sensorhub.store.history_maker import HistoryMaker
from sensorhub.store.hot import journal
from sensorhub.store.jobs import HubAccess, WriteJob
from sensorhub.store.migration import prepare

DAY_MS = 86_400_000
START = 20_700 * DAY_MS  # 2026-09-04
STEP_MS = 600_000
BATCH = 2000
CODES = np.array([1, 3, 5, 7], np.uint8)  # fill_level, temperature, battery, tilt


def day(rng: np.random.Generator, devices: int, number: int) -> Iterator[Columns]:
    """A day's uplinks of all devices, in batches."""
    steps = DAY_MS // STEP_MS
    device = np.tile(np.arange(devices, dtype=np.int32), steps)
    n = len(device)
    measured_at = (
        START + number * DAY_MS + np.repeat(np.arange(steps) * STEP_MS, devices)
    )
    measured_at += rng.integers(0, 30_000, n)
    hours = (measured_at - START) / 3_600_000
    values = np.stack(
        (
            np.round((hours * 1.3 + device * 7) % 95 + rng.normal(0, 1, n), 1),
            np.round(15 + 8 * np.sin(hours / 3.82) + rng.normal(0, 0.3, n), 1),
            np.round(95 - hours / 100 + rng.normal(0, 0.2, n)),
            np.round(np.abs(rng.normal(1.5, 0.4, n)), 1),
        ),
        axis=1,
    )
    order = np.argsort(measured_at, kind="stable")
    for i in range(0, n, BATCH):
        pick = order[i : i + BATCH]
        told = measured_at[pick]
        heard = told + rng.integers(20, 300, len(pick))
        yield _columns(device[pick], told, heard, values[pick].reshape(-1))


def _columns(device: Any, measured_at: Any, received_at: Any, value: Any) -> Columns:
    n, m = len(device), len(value)
    return Columns(
        device=device,
        key=np.zeros(n, np.uint64),
        seq=np.arange(n),
        received_at=received_at,
        outcome=np.zeros(n, np.uint8),
        reason=np.zeros(n, np.uint8),
        count=np.full(n, 4, np.int32),
        code=np.tile(CODES, n),
        value=value,
        measured_at=np.repeat(measured_at, 4),
        quality=np.zeros(m, np.uint8),
        quality_reason=np.zeros(m, np.uint8),
    )


class Meter:
    """The writer; knows how long it held the lock."""

    def __init__(self, folder: Path) -> None:
        self.connection = connect(folder)
        self.held: list[float] = []

    def submit(self, job: WriteJob) -> None:
        """Run a job in a transaction of its own."""
        began = time.perf_counter()
        self.connection.execute("BEGIN IMMEDIATE")
        job(self.connection)
        self.connection.execute("COMMIT")
        self.held.append((time.perf_counter() - began) * 1000)

    def taken(self) -> list[float]:
        """Since the last call: ms that each job held the lock."""
        held, self.held = self.held, []
        return held


RARE = HistorySettings(segment_s=7 * 86_400, chunk_after_h=24)


class Works:
    """The store being filled, and the CPU seconds of each kind of work."""

    def __init__(self, folder: Path, settings: HistorySettings = RARE) -> None:
        history_maker.REST = 0.0
        self.meter, self.clock = Meter(folder), HandClock(START)
        self.maker = HistoryMaker(
            folder,
            settings,
            hub=HubAccess(self.clock.now, self.meter.submit),
        )
        self.readings = 0
        self.spent = {"segments": 0.0, "merges": 0.0, "chunks": 0.0}

    def act(self, what: str) -> None:
        """Do all there is to do of a kind."""
        did = {
            "segments": self.maker.make_segment,
            "merges": self.maker.merge,
            "chunks": self.maker.make_chunks,
        }[what]
        began = time.process_time()
        while did():
            pass
        self.spent[what] += time.process_time() - began

    def take(self, columns: Columns) -> None:
        """A batch comes."""
        self.clock.time = int(columns.received_at[-1])
        self.readings += columns.readings
        journal.append(
            self.meter.connection,
            received_at=self.clock.time,
            uplinks=columns.uplinks,
            body=pack(columns, Notes()),
            versions="{}",
        )
        self.act("segments")
        self.act("merges")

    def tidy(self) -> None:
        """A checkpoint round, and the journal is trimmed."""
        self.meter.connection.execute(
            "INSERT OR REPLACE INTO checkpoints VALUES (0, ?, 0, x'')",
            (journal.last(self.meter.connection)[0],),
        )
        self.maker._tidied = 0.0
        while self.maker.tidy():
            pass


def write(folder: Path, devices: int, days: int) -> dict[str, Any]:
    """Fill the store; what segments and chunks cost a reading."""
    works = Works(folder)
    rng = np.random.default_rng(1)
    report: dict[str, Any] = {}
    jobs: dict[str, list[float]] = {"segments": [], "chunks": [], "tidy": []}
    for number in range(days):
        for columns in day(rng, devices, number):
            works.take(columns)
        jobs["segments"] += works.meter.taken()
        works.act("chunks")
        jobs["chunks"] += works.meter.taken()
        works.tidy()
        jobs["tidy"] += works.meter.taken()
    report["readings"] = works.readings
    report["cpu_us_per_reading"] = {
        what: round(s / works.readings * 1e6, 3) for what, s in works.spent.items()
    }
    report["jobs_ms"] = {what: spread(held) for what, held in jobs.items()}
    report["reads_with_a_long_journal"] = reads(folder, devices, days)
    works.clock.time += 8 * DAY_MS
    works.act("segments")
    report["reads"] = reads(folder, devices, days)
    works.act("chunks")
    works.maker.stop()
    report["bytes"] = sizes(works.meter.connection, folder)
    works.meter.connection.close()
    return report


def spread(taken: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum of milliseconds."""
    p50, p99 = np.percentile(taken or [0.0], (50, 99))
    return {
        "count": len(taken),
        "p50": round(float(p50), 2),
        "p99": round(float(p99), 2),
        "max": round(max(taken, default=0.0), 2),
    }


def sizes(connection: sqlite3.Connection, folder: Path) -> dict[str, Any]:
    """Bytes a reading in chunks and slices, and of the file in all."""
    result: dict[str, Any] = {}
    for table in ("chunks", "slices"):
        size, readings = connection.execute(
            f"SELECT sum(length(body)), sum(readings) FROM {table}"
        ).fetchone()
        result[table] = round(size / readings, 2) if readings else None
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    result["file_mb"] = round((folder / FILE).stat().st_size / 1e6, 1)
    return result


def reads(folder: Path, devices: int, days: int) -> dict[str, Any]:
    """30 days of one measurement and of all four, of assets here and there."""
    connection = connect(folder)
    connection.executemany(
        "INSERT OR REPLACE INTO mountings (no, device, asset) VALUES (?, ?, ?)",
        [(n + 1, n, n) for n in range(devices)],
    )
    until = START + days * DAY_MS
    result = {}
    for name, codes in (("one_measurement", {1}), ("all_four", None)):
        taken, points = [], 0
        for asset in np.random.default_rng(2).integers(0, devices, 40).tolist():
            began = time.perf_counter()
            pages = list(
                read_asset(
                    connection,
                    asset=asset,
                    since=until - 30 * DAY_MS,
                    until=until,
                    codes=codes,
                )
            )
            taken.append((time.perf_counter() - began) * 1000)
            points = sum(len(page) for page in pages)
        result[name] = {"points": points, "ms": spread(taken)}
    connection.close()
    return result


def main() -> None:
    """Fill, read, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--days", type=int, default=35)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.data or Path(name)
        prepare(folder)
        report = write(folder, given.devices, given.days)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
