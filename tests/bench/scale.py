"""History at scale: years of readings, built by the real chunk writer, then read.

    python -m tests.bench history [--full]      or, by itself,
    python tests/bench/scale.py [--full] [--data FOLDER]

Every device tells noisy fill, temperature, battery and tilt every ten minutes, with a
jitter of milliseconds, for 52 weeks; the last day comes through journal and segments.
Reads are timed in this process, from the call to columns. `--full`: 100 million.
"""

import argparse
import json
import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import numpy as np

from sensorhub.columns import Notes, pack
from sensorhub.config.settings import HistorySettings
from sensorhub.store import compaction, downsampled, rollup_maker
from sensorhub.store.backup import backup
from sensorhub.store.chunks import WEEK_MS
from sensorhub.store.database import FILE, connect
from sensorhub.store.history import TimeRange, asset_spans, read_asset
from sensorhub.store.hot import journal
from sensorhub.store.migration import prepare
from sensorhub.store.readings import Readings
from sensorhub.store.rollups import Bucket
from tests.bench import beside_influx
from tests.bench.history import CODES, DAY_MS, START, STEP_MS, Meter, Works, day
from tests.bench.rig import say

ZONE = "Asia/Shanghai"
WEEKS = 52
GROUP = 50  # devices that are made at one time
BEGIN = START - START % WEEK_MS + 4 * DAY_MS - WEEKS * WEEK_MS  # a Monday
END = BEGIN + WEEKS * WEEK_MS
LOOKS = 40
COMPARED = 48  # devices that a real InfluxDB gets, too, where there is one


def week(rng: np.random.Generator, devices: range, number: int) -> Readings:
    """A week of some devices, sorted by device and time."""
    rows, many = WEEK_MS // STEP_MS, len(devices)
    at = BEGIN + number * WEEK_MS + np.arange(rows) * STEP_MS
    at = np.tile(at, many) + rng.integers(0, 30_000, rows * many)
    device = np.repeat(np.arange(devices.start, devices.stop, dtype=np.int32), rows)
    hours, n = (at - BEGIN) / 3_600_000, len(at)
    values = np.stack(
        (
            np.round((hours * 1.3 + device * 7) % 95 + rng.normal(0, 1, n), 1),
            np.round(15 + 8 * np.sin(hours / 3.82) + rng.normal(0, 0.3, n), 1),
            np.round(95 - hours / 100 % 90 + rng.normal(0, 0.2, n)),
            np.round(np.abs(rng.normal(1.5, 0.4, n)), 1),
        ),
        axis=1,
    )
    m = n * len(CODES)
    return Readings(
        device=np.repeat(device, len(CODES)),
        code=np.tile(CODES, n),
        measured_at=np.repeat(at, len(CODES)),
        received_at=np.repeat(at + rng.integers(20, 300, n), len(CODES)),
        value=values.reshape(-1).astype(np.float64),
        quality=np.zeros(m, np.uint8),
        quality_reason=np.zeros(m, np.uint8),
    )


def _written(step: compaction.CompactionStep, connection: Connection) -> None:
    compaction.write(connection, step, 0)


def build(folder: Path, devices: int) -> dict[str, Any]:
    """Fill the store; how long that took, and how long jobs held the lock."""
    began, rng = time.monotonic(), np.random.default_rng(1)
    meter, read = Meter(folder), connect(folder, read_only=True)
    readings = 0
    for number in range(WEEKS):
        for low in range(0, devices, GROUP):
            made = week(rng, range(low, min(low + GROUP, devices)), number)
            readings += len(made)
            for step in compaction.pack(
                read, made, compaction.CompactionStep((), 0, None), ZONE
            ):
                meter.submit(partial(_written, step))
        if number % 8 == 7:
            say(f"  week {number + 1}: {readings:,} readings")
    chunks = meter.taken()
    for job in rollup_maker.jobs(read, END + 28 * DAY_MS, ZONE):
        meter.submit(job)
    read.close()
    meter.connection.close()
    readings += _last_day(folder, devices)
    return {
        "readings": readings,
        "devices": devices,
        "build_s": round(time.monotonic() - began, 1),
        "chunk_job_max_ms": round(max(chunks), 1),
        "rollup_job_max_ms": round(max(meter.taken()), 1),
    }


def _last_day(folder: Path, devices: int) -> int:
    """A day through journal and segments, so that reads meet all levels."""
    works = Works(folder, HistorySettings())
    works.clock.time = END
    for columns in day(np.random.default_rng(2), devices, (END - START) // DAY_MS):
        works.take(columns)
    works.maker.stop()
    works.meter.connection.close()
    return works.readings


def timed(look: Callable[[int], int], devices: int) -> dict[str, float]:
    """Median and slowest of some assets here and there, ms; rows of the last."""
    taken, rows = [], 0
    for asset in np.random.default_rng(3).integers(0, devices, LOOKS).tolist():
        began = time.perf_counter()
        rows = look(asset)
        taken.append((time.perf_counter() - began) * 1000)
    p50, p95 = np.percentile(taken, (50, 95))
    return {
        "rows": rows,
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
    }


def reads(folder: Path, devices: int) -> dict[str, Any]:
    """30 days of readings, and a year by days and by hours."""
    with connect(folder) as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO mountings (no, device, asset) VALUES (?, ?, ?)",
            [(n + 1, n, n) for n in range(devices)],
        )
    connection.close()
    connection = connect(folder, read_only=True)
    until = END + DAY_MS

    def month(asset: int, codes: set[int] | None) -> int:
        span = {"since": until - 30 * DAY_MS, "until": until}
        pages = read_asset(connection, asset=asset, **span, codes=codes)
        return sum(len(page) for page in pages)

    def year(asset: int, bucket: Bucket, codes: set[int] | None) -> int:
        spans = asset_spans(connection, asset)
        span = TimeRange(until - 365 * DAY_MS, until)
        found = downsampled.read(
            connection, spans=spans, period=span, bucket=bucket, zone=ZONE, codes=codes
        )
        return len(found)

    result = {
        "month_one_measurement": timed(lambda a: month(a, {1}), devices),
        "month_all_four": timed(lambda a: month(a, None), devices),
        "year_by_day": timed(lambda a: year(a, Bucket.DAY, None), devices),
        "year_by_hour_one": timed(lambda a: year(a, Bucket.HOUR, {1}), devices),
        "year_by_hour": timed(lambda a: year(a, Bucket.HOUR, None), devices),
    }
    connection.close()
    return result


def backup_stall(folder: Path) -> dict[str, float]:
    """How long a writer's commits take while a backup is made beside it."""
    meter, done = Meter(folder), threading.Event()
    columns = next(day(np.random.default_rng(4), 2000, 0))
    body = pack(columns, Notes())

    def write(connection: sqlite3.Connection) -> None:
        journal.append(connection, received_at=END, uplinks=0, body=body, versions="{}")

    def keep_writing() -> None:
        while not done.wait(0.01):
            meter.submit(write)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    time.sleep(2)
    usual = meter.taken()
    began = time.monotonic()
    size = backup(folder, folder / "backup")
    spent = time.monotonic() - began
    done.set()
    thread.join()
    beside = meter.taken()
    meter.connection.close()
    return {
        "backup_mb": round(size / 1e6, 1),
        "backup_s": round(spent, 1),
        "commit_max_ms": round(max(usual), 1),
        "commit_max_beside_backup_ms": round(max(beside), 1),
    }


def sizes(folder: Path, readings: int) -> dict[str, float]:
    """Bytes a reading on the disk: the file as it is, and by what is in it."""
    connection = connect(folder)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (folder / FILE).stat().st_size
    tables = ("chunks", "rollups_hour", "rollups_day", "slices", "journal")
    found = {name: round(_bytes(connection, name) / readings, 3) for name in tables}
    connection.close()
    return {"bytes_per_reading": round(size / readings, 3)} | found


def _bytes(connection: sqlite3.Connection, table: str) -> int:
    query = f"SELECT coalesce(sum(length(body)), 0) FROM {table}"
    return int(connection.execute(query).fetchone()[0])


def history(full: bool, data: Path | None = None) -> dict[str, Any]:
    """Build, read, compare."""
    devices = 480 if full else 48
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = data or Path(name)
        prepare(folder)
        report = build(folder, devices)
        report |= reads(folder, devices)
        report |= sizes(folder, report["readings"])
        report |= backup_stall(folder)
    compared = min(devices, COMPARED)
    if beside_influx.program_there():
        say("  the same in InfluxDB")
        rng = np.random.default_rng(1)
        weeks = (week(rng, range(compared), number) for number in range(WEEKS))
        report |= beside_influx.compare(weeks, compared, END)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return report | {"rss_peak_mb": round(peak)}


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="100 million readings")
    parser.add_argument("--data", type=Path, help="keep the database there")
    given = parser.parse_args()
    print(json.dumps(history(given.full, given.data), indent=2))


if __name__ == "__main__":
    main()
