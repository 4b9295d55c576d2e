"""The simulator's truth against the hub's ledger, over files and over a live broker."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensorhub.cli.main import app
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess
from tests.support.integrity import End, Town, differing, first_ends, rows, town

SMALL = {"town.bins": 40, "town.toilets": 4, "town.days": 3}
LONGER = SMALL | {"town.days": 14, "link.leftovers": 0.3}
KILLS = 3


@pytest.mark.parametrize(
    "name",
    [
        "clean",
        "default",
        "harsh",
        "mixed",
        "restless",
        "reconnect_storm",
        "flawed_firmware",
    ],
)
def test_a_trace_ends_line_for_line_as_its_labels_say(
    name: str, tmp_path: Path
) -> None:
    made = town(name, 11, tmp_path, SMALL)
    out = tmp_path / "ledger.jsonl"
    words = ["backtest", str(tmp_path / "uplinks.jsonl"), "--ledger", str(out)]
    words += ["--fleet", str(tmp_path / "fleet.csv")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    ledger = rows(out)
    assert [row["line"] for row in ledger] == list(range(1, len(made.came) + 1))
    found = [End(row["outcome"], row["reason"]) for row in ledger]
    assert differing(made, found) == []


@pytest.mark.slow
@pytest.mark.mosquitto
def test_the_same_over_a_broker_with_kills_in_the_middle(tmp_path: Path) -> None:
    """Published in order; kill -9 while uplinks come; each line ends as labelled."""
    made = town("harsh", 12, tmp_path / "town", LONGER)
    ledger = tmp_path / "ledger.jsonl"
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, ledger__file=ledger)
        hub.command("fleet", "import", str(made.folder / "fleet.csv"))
        with Peer(broker.port) as peer:
            left = [(c.topic, c.payload) for c in made.came if c.retained]
            peer.send(left, retain=True)
        with hub:
            publish_and_kill(hub, broker.port, made)
            want = made.by_outcome()
            uplinks = len(made.came) - want["event"]
            hub.until_ended(want["stored"] + want["dead"])
            until(
                lambda: hub.numbers()["uplinks_received"] >= uplinks,
                "all uplinks have come",
            )
            sums = hub.sums_are_exact()
    found, again = first_ends(made, rows(ledger))
    assert differing(made, found) == []
    twice = sum(row["outcome"] != "event" for row in again)
    assert sums["uplinks_received"] == uplinks + twice
    assert sums["uplinks_stored"] == want["stored"]
    assert sums["uplinks_dead"] == want["dead"] > 0
    assert {end.reason for end in found} == {
        *(None, "same_seq", "retained", "bad_payload", "unknown_device")
    }


def publish_and_kill(hub: HubProcess, port: int, made: Town) -> None:
    """The whole trace in one go; kill -9 and a start each time a share has come."""
    with Peer(port) as peer, ThreadPoolExecutor(1) as pool:
        packets = [(c.topic, c.payload) for c in made.came if not c.retained]
        sending = pool.submit(peer.send, packets)
        for kill in range(1, KILLS + 1):
            share = len(packets) * kill // (KILLS + 1)
            until(
                partial(lambda n: hub.numbers()["uplinks_received"] >= n, share),
                f"{share} uplinks come",
            )
            hub.kill()
            hub.start()
        sending.result()
