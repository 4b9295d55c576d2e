"""The disk fills up: the broker keeps what comes, nothing is damaged, work resumes."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess, report
from tests.support.load import Stream

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DAY = 86_400_000
EVENTS = "sensorhub/v1/events/#"
SMALL_MB = 48


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of SMALL_MB in memory, where this user may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root mounts a small disk")
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave_mb: float) -> Path:
    """A file that leaves so much of the disk."""
    free = shutil.disk_usage(folder).free
    file = folder / "filler"
    block = b"x" * 4096
    with file.open("wb", buffering=0) as out:
        try:
            for _ in range(int((free - leave_mb * 1e6) // len(block))):
                out.write(block)
        except OSError:
            assert not leave_mb
    return file


def told(peer: Peer) -> list[str]:
    """What was told of the disk, in order."""
    events = [json.loads(payload) for _, payload, _ in peer.received]
    return [event["state"] for event in events if event["rule"] == "disk_low"]


def all_there(hub: HubProcess, stream: Stream) -> int:
    """Nothing lost, nothing damaged; how many uplinks were lost."""
    hub.until_ended(stream.distinct)
    sums = hub.sums_are_exact()
    lost = stream.distinct - sums["uplinks_stored"] - sums["uplinks_dead"]
    assert lost == 0
    for asset, expected in stream.expected.items():
        assert hub.readings(asset, "fill_level") == expected
    assert hub.command("verify")["sound"]
    return lost


def test_below_the_reserve_nothing_is_taken_and_the_broker_keeps_it(
    tmp_path: Path,
) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker, Peer(broker.port, [EVENTS]) as peer:
        hub = HubProcess(
            tmp_path / "hub", broker.port, devices=4, disk__reserve_mb=10**9
        )
        with hub:
            peer.send(stream.batch(300))
            until(lambda: told(peer) == ["firing"], "the alert is told")
            assert hub.numbers()["uplinks_received"] == 0
            disk = hub.command("status")["disk"]
            assert disk["holding"]
            assert disk["reserve_mb"] == 10**9
            assert hub.stop() == 0
            hub.change(disk__reserve_mb=1)
            hub.start()
            lost = all_there(hub, stream)
            until(lambda: told(peer) == ["firing", "resolved"], "it ends")
            assert not hub.command("status")["disk"]["holding"]
            assert hub.stop() == 0
    report(
        "disk below its reserve",
        "the reserve set above the free space, 300 uplinks meanwhile",
        lost=lost,
        doubled=0,
        measured="nothing accepted, alert `disk_low`; all stored once there was space",
    )


def test_a_small_disk_fills_up_and_work_resumes_by_itself(
    tmp_path: Path, small: Path
) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker, Peer(broker.port, [EVENTS]) as peer:
        hub = HubProcess(small / "hub", broker.port, devices=4, disk__reserve_mb=16)
        with hub:
            peer.send(stream.batch(300))
            hub.until_ended(stream.distinct)
            filler = fill(small, leave_mb=12)
            until(lambda: told(peer) == ["firing"], "the alert is told")
            before = hub.ended()
            peer.send(stream.batch(500))
            assert hub.command("status")["disk"]["holding"]
            assert hub.ended() == before
            filler.unlink()
            lost = all_there(hub, stream)
            until(lambda: told(peer) == ["firing", "resolved"], "it ends")
            assert hub.stop() == 0
    report(
        "disk nearly full",
        f"a disk of {SMALL_MB} MB filled up below the reserve, then emptied",
        lost=lost,
        doubled=0,
        measured="nothing accepted meanwhile, alert sent from the reserve; work resumed"
        " by itself",
    )


def test_a_disk_that_is_full_to_the_last_byte_loses_nothing(
    tmp_path: Path, small: Path
) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = HubProcess(small / "hub", broker.port, devices=4, disk__reserve_mb=0)
        with hub:
            peer.send(stream.batch(300))
            hub.until_ended(stream.distinct)
            filler = fill(small, leave_mb=0)
            while b"cannot be written" not in hub.log.read_bytes():
                peer.send(stream.batch(500))
            assert hub.alive()
            filler.unlink()
            lost = all_there(hub, stream)
            assert hub.stop() == 0
    report(
        "disk full to the last byte",
        f"a disk of {SMALL_MB} MB without a reserve, filled under load, then emptied",
        lost=lost,
        doubled=0,
        measured=f"{stream.distinct:,} distinct uplinks, each stored once",
    )
