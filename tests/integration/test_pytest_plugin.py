"""The pytest plugin: towns as a fixture, for tests of any MQTT consumer."""

import subprocess
import sys
import threading
import tomllib
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.demo import broker
from firmware_sim.pytest_plugin import make_town

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30
CONSUMER = """
def test_a_consumer(simulated_town):
    town = simulated_town("harsh", seed=3, bins=5, toilets=0)
    assert town.uplinks
    assert town.labelled("asset")
    assert (town.folder / "fleet.csv").exists()
"""


def test_a_town_has_uplinks_and_their_truth(tmp_path: Path) -> None:
    town = make_town(tmp_path, "harsh", seed=2, bins=10, days=2)
    times = [uplink.received_at for uplink in town.uplinks]
    assert times == sorted(times)
    assert len(town.labelled("asset")) == 12
    for copy in town.labelled("copy"):
        uplink = town.uplinks[copy["line"] - 1]
        assert copy["device"] in uplink.topic


def test_the_fixture_is_there_by_its_plugin(tmp_path: Path) -> None:
    """In a process of its own, with no other plugin found by entry points."""
    (tmp_path / "test_consumer.py").write_text(CONSUMER)
    words = ["-q", "-p", "firmware_sim.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(tmp_path)],
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    plugins = settings["project"]["entry-points"]["pytest11"]
    assert plugins == {"firmware_sim": "firmware_sim.pytest_plugin"}


def test_a_town_is_published_to_a_broker(tmp_path: Path) -> None:
    town = make_town(tmp_path, "mixed")
    heard: list[MQTTMessage] = []
    ready, enough = threading.Event(), threading.Event()

    def hear(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.append(message)
        if len(heard) == len(town.uplinks):
            enough.set()

    with broker.running() as port:
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv311)
        client.on_connect = lambda client, *_: client.subscribe("#", 1)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = hear
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert ready.wait(PATIENCE_S)
        town.publish(port=port)
        assert enough.wait(PATIENCE_S)
        client.disconnect()
        client.loop_stop()
    assert [(m.topic, bytes(m.payload)) for m in heard] == [
        (uplink.topic, uplink.payload) for uplink in town.uplinks
    ]
