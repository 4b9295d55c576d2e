"""Rules change under load, and the hub is killed in the middle of it."""

import random
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from sensorhub.clock import Clock
from tests.support.brokers import Mosquitto, until
from tests.support.hubs import FIRE, FULL, KILLS, HubProcess
from tests.support.load import Publisher, Stream
from tests.support.town import UP

DEVICES = 40
DAY = 86_400_000
VARIANTS = [
    FIRE + FULL,
    FIRE + FULL.replace("raise = 80, clear = 70", "raise = 70, clear = 60"),
    FIRE + FULL.replace('hold = "10m"', 'hold = "5m"'),
    FULL + FIRE.replace("raise = 65", "raise = 60"),
]


def versions(hub: HubProcess) -> int:
    return len(hub.command("rules", "history"))


@pytest.mark.slow
@pytest.mark.mosquitto
def test_rules_change_under_load_and_kills(tmp_path: Path) -> None:
    stream = Stream(DEVICES, Clock().now() - 20 * DAY)
    chance = random.Random(5)
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=DEVICES)
        file = hub.config / "rules.toml"
        with hub, Publisher(broker.port, stream):
            for turn in range(KILLS):
                text = VARIANTS[(turn + 1) % len(VARIANTS)]
                before = hub.numbers()["uplinks_received"]
                until(
                    partial(
                        lambda n: hub.numbers()["uplinks_received"] >= n, before + 200
                    ),
                    "uplinks come",
                )
                file.write_text(f"{text}\n# {turn}\n", "utf-8")
                time.sleep(chance.uniform(0, 2.5))  # where in it the kill falls
                hub.kill()
                hub.start()
                until(
                    partial(lambda n: versions(hub) == n, turn + 2), "the file is taken"
                )
        with hub:
            hub.until_ended(stream.distinct)
            sums = hub.sums_are_exact()
            alerts = hub.command("alerts", "--all")
            history = hub.command("rules", "history")
    assert sums["uplinks_stored"] + sums["uplinks_dead"] == stream.distinct
    assert [row["by"] for row in history] == ["file"] * (KILLS + 1)
    ids = Counter(row["id"] for alert in alerts for row in alert["transitions"])
    assert max(ids.values()) == 1
    assert len(ids) > 100
    for alert in alerts:
        steps = [row["to"] for row in alert["transitions"]]
        assert steps[0] == "firing"
        assert "resolved" not in steps[:-1]
        assert (steps[-1] == "resolved") == (alert["state"] == "resolved")
        if alert["asset"] != "hub":  # no rule was removed, so only data end an alert
            assert "rule_removed" not in {
                row["cause"].get("reason") for row in alert["transitions"]
            }
    pairs = Counter((a["rule"], a["asset"]) for a in alerts if a["state"] == "firing")
    assert set(pairs.values()) <= {1}


@pytest.mark.mosquitto
def test_a_running_hub_takes_the_file_refuses_faults_and_hears_a_hang_up(
    tmp_path: Path,
) -> None:
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=2)
        file = hub.config / "rules.toml"
        with hub:
            file.write_text("[[rules]]\nid = 3\n", "utf-8")
            until(lambda: hub.command("status")["rules_refused"], "it is refused")
            open_ = {alert["rule"] for alert in hub.command("alerts")}
            assert open_ == {"rules_refused"}
            assert versions(hub) == 1
            hub.kill()
            hub.start()  # an unsound file does not keep an old hub from starting
            assert hub.command("status")["rules_refused"]
            file.write_text(UP, "utf-8")
            hub.hang_up()
            until(lambda: versions(hub) == 2, "it is taken")
            assert hub.command("alerts") == []
            result = hub.command("rules", "rollback", "1", "--by", "li")
            assert result == {"version": 3, "changed": True}
