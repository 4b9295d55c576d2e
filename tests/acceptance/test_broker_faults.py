"""The broker fails: restarted, its sessions lost; what it sends twice or late."""

import json
from functools import partial
from pathlib import Path

import pytest

from sensorhub.alerts.event import rfc3339
from sensorhub.clock import Clock
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import HubProcess, report
from tests.support.load import Publisher, Stream

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DAY = 86_400_000
HOUR = 3_600_000


def test_a_broker_that_restarts_twice_costs_nothing(tmp_path: Path) -> None:
    stream = Stream(8, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=8)
        with hub:
            with Publisher(broker.port, stream, 100):
                for step in (500, 1500):
                    until(partial(lambda n: hub.ended() > n, step), "uplinks come")
                    broker.restart()
                until(lambda: hub.ended() > 2500, "uplinks come again")
            hub.until_ended(stream.distinct)
            sums = hub.sums_are_exact()
            ended = sums["uplinks_stored"] + sums["uplinks_dead"]
            assert ended == stream.distinct
            for asset in ("bin0", "bin7"):
                assert hub.readings(asset, "fill_level") == stream.expected[asset]
    report(
        "broker restarted twice under load, its sessions kept",
        f"{stream.distinct:,} distinct uplinks",
        lost=stream.distinct - ended,
        doubled=0,
        measured=f"{sums['uplinks_received']:,} received, "
        f"{sums['uplinks_duplicate']:,} duplicate",
    )


def test_a_broker_that_forgets_the_session_takes_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    stream = Stream(4, Clock().now() - 20 * DAY)
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=4)
        with hub:
            with Peer(broker.port) as peer:
                peer.send(stream.batch(500))
            hub.until_ended(stream.distinct)
            broker.kill()
            (broker.folder / "mosquitto.db").unlink(missing_ok=True)
            broker.start()
            with Peer(broker.port, ["sensorhub/v1/hub/status"]) as peer:
                until(lambda: peer.received, "the hub is back")
                until(lambda: "online" in peer.received[-1][1].decode(), "it is online")
                peer.send(stream.sent)
                peer.send(stream.batch(500))
                hub.until_ended(stream.distinct)
                until(
                    lambda: hub.numbers()["uplinks_duplicate"] >= 500,
                    "what came again is known",
                )
            sums = hub.sums_are_exact()
            ended = sums["uplinks_stored"] + sums["uplinks_dead"]
            assert ended == stream.distinct
            assert hub.readings("bin0", "fill_level") == stream.expected["bin0"]
    report(
        "broker killed and its sessions wiped",
        "500 uplinks before, the same again and 500 new ones after",
        lost=stream.distinct - ended,
        doubled=0,
        measured=f"{sums['uplinks_duplicate']:,} duplicate",
    )


def uplink(seq: int, ts: int, fill: float) -> bytes:
    body = {"seq": seq, "ts": ts, "m": {"fill_level": fill}}
    return json.dumps(body).encode()


def test_doubles_disorder_wrong_clocks_and_leftovers_are_told_apart(
    tmp_path: Path,
) -> None:
    now = Clock().now()
    topic = "sensorhub/v1/z1/d0/up"
    other = "sensorhub/v1/z1/d1/up"
    packets = [(topic, uplink(n, now - HOUR + n * 1000, n % 60)) for n in range(200)]
    mixed = [*packets[100:], *packets[:100], *packets[50:150], *packets]
    wrong = [
        (other, uplink(1, now + 2 * HOUR, 11)),
        (other, uplink(2, now - 40 * DAY, 12)),
    ]
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        peer.send([(topic, uplink(999, now, 99))], retain=True)
        with HubProcess(tmp_path / "hub", broker.port, devices=2) as hub:
            peer.send(mixed)
            peer.send(wrong)
            hub.until_ended(202)
            until(
                lambda: hub.numbers()["uplinks_received"] == 503,
                "all of them were received",
            )
            sums = hub.sums_are_exact()
            assert sums["uplinks_stored"] == 202
            assert sums["uplink_retained"] == 1
            assert hub.readings("bin0", "fill_level") == [
                (str(rfc3339(now - HOUR + n * 1000)), float(n % 60)) for n in range(200)
            ]
            found = hub.command("readings", "bin1")
            assert [(r["value"], r["quality"], r["reason"]) for r in found] == [
                (11.0, "suspect", "clock"),
                (12.0, "suspect", "clock"),
            ]
            assert {r["measured_at"] == r["received_at"] for r in found} == {True}
    report(
        "duplicates, wrong order, wrong clocks, a retained copy",
        "200 uplinks two or three times and out of order, 2 with wrong clocks,"
        " 1 retained",
        lost=0,
        doubled=0,
        measured=f"{sums['uplinks_received']} received ="
        f" {sums['uplinks_stored']} stored + {sums['uplinks_duplicate']} duplicate;"
        " 2 suspect (clock)",
    )
