"""Each version starts on the data folders that earlier versions left behind."""

import gzip
import json
from pathlib import Path

import pytest

from sensorhub.clock import HandClock
from sensorhub.config.settings import Settings
from sensorhub.decode.decoders import DECODERS
from sensorhub.hub.hub import Hub
from sensorhub.hub.session import Configuration
from sensorhub.model import Message
from sensorhub.registry.profiles import load_profiles
from sensorhub.store import database, migration
from tests.past.make import START, expected

PAST = sorted((Path(__file__).parent.parent / "past").glob("*.db.gz"))


def test_there_is_a_past() -> None:
    assert PAST


@pytest.mark.parametrize("file", PAST, ids=lambda file: file.name)
def test_starts_on_what_an_earlier_version_left(file: Path, tmp_path: Path) -> None:
    (tmp_path / database.FILE).write_bytes(gzip.decompress(file.read_bytes()))
    kept = json.loads(file.with_name(file.name.replace(".db.gz", ".json")).read_text())
    clock = HandClock(START + 3 * 86_400_000)
    migration.prepare(tmp_path)
    configuration = Configuration(Settings(), load_profiles(None, DECODERS))
    hub = Hub(tmp_path, configuration, clock.now)
    shown = json.loads(json.dumps(expected(hub.connection)))
    assert shown == kept
    body = b'{"seq":5000,"m":{"fill_level":12}}'
    message = Message(b"sensorhub/v1/z1/d-1/up", body, 2)
    pipeline = hub.session.pipeline
    changes = pipeline.process([message], clock.time).changes
    hub.commit(changes)
    assert changes.moved["uplinks_stored"] == 1
    hub.close()
