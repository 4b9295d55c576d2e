"""The database fails: locked by somebody, a journal row that is damaged."""

import sqlite3
import time
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from sensorhub.store import database
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess, report
from tests.support.load import Stream

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DAY = 86_400_000


def test_a_database_that_is_locked_for_long_is_waited_for(tmp_path: Path) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=4)
        with hub, Peer(broker.port) as peer:
            peer.send(stream.batch(300))
            hub.until_ended(stream.distinct)
            before = hub.ended()
            locking = database.connect(hub.data)
            locking.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            peer.send(stream.batch(1000))
            until(
                lambda: b"cannot be written" in hub.log.read_bytes(), "the hub says so"
            )
            assert hub.ended() == before
            locking.execute("ROLLBACK")
            locked_s = time.monotonic() - began
            locking.close()
            hub.until_ended(stream.distinct)
            sums = hub.sums_are_exact()
            ended = sums["uplinks_stored"] + sums["uplinks_dead"]
            assert ended == stream.distinct
            assert hub.readings("bin1", "fill_level") == stream.expected["bin1"]
            assert hub.stop() == 0
    report(
        "database locked by another process",
        f"for {locked_s:.0f} s, 1,000 uplinks meanwhile",
        lost=stream.distinct - ended,
        doubled=0,
        measured=f"{sums['uplinks_received']:,} received",
    )


def damage(folder: Path) -> tuple[int, int]:
    """Turn a byte of the journal's newest row but one; its number and uplinks."""
    connection = database.connect(folder)
    row = connection.execute(
        "SELECT id, uplinks, CAST(body AS BLOB) FROM journal WHERE uplinks > 0"
        " ORDER BY id DESC LIMIT 1 OFFSET 1"
    ).fetchone()
    body = bytearray(row[2])
    body[len(body) // 2] ^= 0xFF
    connection.execute("UPDATE journal SET body = ? WHERE id = ?", (body, row[0]))
    connection.close()
    return row[0], row[1]


def test_a_damaged_journal_row_is_set_aside_counted_and_told(tmp_path: Path) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=4)
        with hub:
            for _ in range(5):
                peer.send(stream.batch(100))
                hub.until_ended(stream.distinct)
            hub.kill()
            row, uplinks = damage(hub.data)
            for _ in range(2):  # told once, however often it starts
                hub.start()
                until(lambda: aside(hub.data) == [(row, uplinks)], "it is set aside")
                sums = hub.sums_are_exact()
                assert sums["journal_rows_damaged"] == 1
                assert sums["uplinks_damaged"] == uplinks
                alerts = hub.command("alerts")
                told = [a for a in alerts if a["rule"] == "journal_damaged"]
                assert len(told) == 1
                hub.kill()
            hub.start()
            peer.send(stream.batch(100))
            hub.until_ended(stream.distinct)
            got = hub.readings("bin0", "fill_level")
            assert set(got) <= set(
                stream.expected["bin0"]
            )  # fewer, unless history had it
            assert got == sorted(got)
            assert len(got) >= len(stream.expected["bin0"]) - uplinks
    report(
        "a journal row fails its checksum",
        "a byte of the last row but one changed, then three starts",
        lost=uplinks,
        doubled=0,
        measured=f"the {uplinks} uplinks of that row are in `damaged`; counted, and"
        " one alert",
    )


def aside(folder: Path) -> list[tuple[int, int]]:
    connection: sqlite3.Connection = database.connect(folder, read_only=True)
    try:
        return connection.execute("SELECT id, uplinks FROM damaged").fetchall()
    finally:
        connection.close()
