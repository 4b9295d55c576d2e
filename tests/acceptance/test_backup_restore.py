"""A backup under load, restored into another folder: sums agree, the hub goes on."""

import threading
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess, report
from tests.support.load import Stream

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DAY = 86_400_000


def test_a_backup_under_load_is_restored_and_goes_on(tmp_path: Path) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    file = tmp_path / "backup.db"
    done = threading.Event()

    def load(peer: Peer) -> None:
        while not done.is_set():
            peer.send(stream.batch(200))

    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=4)
        with hub:
            thread = threading.Thread(target=load, args=(peer,))
            thread.start()
            try:
                until(lambda: hub.ended() > 1000, "the hub is under load")
                before = hub.ended()
                size = hub.command("backup", str(file))["bytes"]
                after = hub.ended()
                until(lambda: hub.ended() > after + 1000, "it goes on under load")
            finally:
                done.set()
                thread.join()
            hub.until_ended(stream.distinct)
            hub.sums_are_exact()
            assert hub.command("verify")["sound"]
            assert hub.stop() == 0
        other = HubProcess(tmp_path / "other", broker.port)
        other.command("restore", str(file))
        assert other.command("verify")["sound"]
        sums = other.sums_are_exact()
        kept = sums["uplinks_stored"] + sums["uplinks_dead"]
        assert before <= kept <= after
        for asset, expected in stream.expected.items():
            got = other.readings(asset, "fill_level")
            assert got == expected[: len(got)]  # nothing is missing in between
        stored = sums["readings_stored"]
        assert stored == sum(
            len(other.readings(asset, name))
            for asset in stream.expected
            for name in ("fill_level", "temperature")
        )
        with other:
            peer.send([stream.sound() for _ in range(8)])
            other.until_ended(kept + 8)
            assert other.stop() == 0
    report(
        "backup under load, restored into another folder",
        f"{size / 1e6:.1f} MB while uplinks arrived, restored into an empty folder",
        lost=0,
        doubled=0,
        measured=f"{kept:,} uplinks of {stream.distinct:,} were in it, the counters add"
        " up; the restored hub continued",
    )
