"""The backup timer's commands and the restore drill of docs/operations.md, for real."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer
from tests.support.hubs import ROOT, HubProcess

pytestmark = pytest.mark.mosquitto

UNIT = (ROOT / "config/deploy/systemd/sensorhub-backup.service").read_text("utf-8")
DOCS = (ROOT / "docs/operations.md").read_text("utf-8")
COMMANDS = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
DRILL = re.search(r"```sh\n(backups=.*?)```", DOCS, re.DOTALL)


def here(text: str, folder: Path) -> str:
    """A command with the places of this test."""
    program = f"{shlex.quote(sys.executable)} -m sensorhub"
    for there, place in (
        ("/opt/sensorhub/.venv/bin/sensorhub", program),
        ("/var/lib/sensorhub-backups", str(folder / "backups")),
        ("/var/lib/sensorhub", str(folder / "data")),
        ("/etc/sensorhub", str(folder / "config")),
        ("/tmp/drill", str(folder / "drill")),
    ):
        text = text.replace(there, place)
    return text


@pytest.fixture
def backed_up(tmp_path: Path) -> HubProcess:
    """A hub that ran while the unit's commands were run, and has ended."""
    (tmp_path / "backups").mkdir()
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path, broker.port, devices=3)
        with hub, Peer(broker.port) as device:
            body = b'{"seq":%d,"m":{"fill_level":50}}'
            device.send((f"sensorhub/v1/z1/d{n}/up", body % n) for n in range(3))
            hub.until_ended(3)
            for command in COMMANDS:
                words = shlex.split(here(command.replace("%%", "%"), tmp_path))
                done = subprocess.run(
                    words, env=hub.env, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stdout + done.stderr
    return hub


def test_the_timer_makes_a_sound_backup_while_the_hub_runs(
    backed_up: HubProcess,
) -> None:
    assert len(COMMANDS) == 3
    (backup,) = (backed_up.config.parent / "backups").glob("sensorhub-*Z.db")
    assert backup.stat().st_mode & 0o077 == 0


def test_the_drill_of_the_docs_shows_what_was_backed_up(backed_up: HubProcess) -> None:
    assert DRILL is not None
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", here(DRILL[1], backed_up.config.parent)],
        env=backed_up.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"uplinks_stored +3\b", done.stdout), done.stdout
    assert not (backed_up.config.parent / "drill").exists()
