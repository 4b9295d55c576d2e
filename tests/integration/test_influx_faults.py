"""What a healthy InfluxDB does not answer: a strict server of our own does."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensorhub.store import forward_queue
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.forwarding import START, Town
from tests.support.hubs import HubProcess
from tests.support.strict_influx import (
    Manner,
    StrictInflux,
    answer,
    half,
    hang_up,
    silent,
    slow,
    strict_influx,
)

MINUTE = 60_000


@pytest.fixture
def server() -> Iterator[StrictInflux]:
    with strict_influx() as found:
        yield found
        assert found.wrong == []


@pytest.fixture
def town(tmp_path: Path, server: StrictInflux) -> Iterator[Town]:
    found = Town(tmp_path, server.settings(timeout_s=0.3))
    yield found
    found.forwarder.stop()


def fill(town: Town, rounds: int) -> None:
    for n in range(rounds):
        at = START + n * MINUTE
        town.take([town.uplink(d, at, fill_level=n + d / 10) for d in range(5)], at)


def body_of(seq: int, temperature: float) -> bytes:
    return json.dumps({"seq": seq, "m": {"temperature": temperature}}).encode()


def all_there(town: Town, server: StrictInflux, count: int) -> None:
    town.forwarder._reason = ""
    town.forward()
    assert server.count() == count
    assert town.is_exact()["readings_forwarded"] == count


DISK_FULL = "engine: error writing WAL entry: write: no space left on device"


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        (answer(500, "internal error"), "500: internal error"),
        (answer(500, DISK_FULL), f"500: {DISK_FULL}"),
        (answer(507, "insufficient storage"), "507: insufficient storage"),
        (answer(502), "502: no"),
        (answer(429), "429: no"),
        (answer(503), "503: no"),
        (half, "no answer: ProtocolError"),
        (hang_up, "no answer: ProtocolError"),
        (silent(0.6), "no answer: ReadTimeoutError"),
    ],
)
def test_what_passes_is_waited_for_and_sent_again(
    town: Town, server: StrictInflux, manner: Manner, reason: str
) -> None:
    fill(town, 4)
    server.manners.extend([manner] * 3)
    pauses = [town.forwarder.turn() for _ in range(3)]
    assert town.forwarder._reason == reason
    assert pauses == [0.2, 0.2, 0.2]  # the longest pause that the settings allow
    assert town.story.counters()["readings_forwarded"] == 0
    assert town.forwarder.stuck() is None
    all_there(town, server, 20)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"Retry_After": "3"}, 3.0),
        (
            {
                "Retry_After": "Mon, 23 Nov 2026 23:00:07 GMT",
                "Date": "Mon, 23 Nov 2026 23:00:00 GMT",
            },
            7.0,
        ),
        ({"Retry_After": "soon"}, 0.2),
        ({"Retry_After": "999999999"}, 3600.0),
    ],
)
def test_retry_after_is_honoured(
    town: Town, server: StrictInflux, code: int, said: dict[str, str], seconds: float
) -> None:
    fill(town, 1)
    server.manners.append(answer(code, "busy", **said))
    assert town.forwarder.turn() == seconds
    all_there(town, server, 5)


def test_what_is_too_large_is_sent_by_halves(town: Town, server: StrictInflux) -> None:
    fill(town, 40)
    server.most_bytes = 1_000
    all_there(town, server, 200)
    assert server.requests > 20


def test_a_line_too_large_by_itself_is_kept(town: Town, server: StrictInflux) -> None:
    fill(town, 1)
    server.most_bytes = 10
    town.forward()
    assert town.is_exact()["readings_refused"] == 5
    letters = forward_queue.letters(town.story.hub.connection, 10)
    assert all(row.reason.startswith("413") for row in letters)


@pytest.mark.parametrize("code", [301, 307, 401, 403, 404, 405, 410])
def test_a_refusal_is_told_at_once_and_costs_no_reading(
    town: Town, server: StrictInflux, code: int
) -> None:
    fill(town, 2)
    server.manners.append(answer(code, Location="http://127.0.0.1:1/api/v2/write"))
    assert town.forwarder.turn() == 0.2
    stuck = town.forwarder.stuck()
    assert stuck is not None
    assert stuck.reason == f"{code}: no"
    all_there(town, server, 10)
    assert town.forwarder.stuck() is None


def test_a_slow_answer_is_an_answer(town: Town, server: StrictInflux) -> None:
    fill(town, 2)
    server.manners.append(slow(0.2))
    all_there(town, server, 10)
    assert server.requests == 1


def test_what_is_sent_compressed_is_the_same(
    tmp_path: Path, server: StrictInflux
) -> None:
    town = Town(tmp_path, server.settings(gzip=True))
    fill(town, 4)
    all_there(town, server, 20)
    town.forwarder.stop()


@pytest.mark.mosquitto
def test_ingest_and_alerts_do_not_wait_for_influxdb(
    tmp_path: Path, server: StrictInflux
) -> None:
    server.manners.extend([silent(30.0)] * 50)
    given: dict[str, Any] = {
        "influx__url": server.url,
        "influx__token": "t",
        "influx__org": "o",
        "influx__every_s": 0.05,
        "influx__retry_s": 0.2,
    }
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path, broker.port, devices=5, **given)
        with hub, Peer(broker.port, ["sensorhub/v1/alerts/#"]) as peer:
            peer.send(
                (f"sensorhub/v1/z1/d{n % 5}/up", body_of(n, 90 if n > 150 else 20))
                for n in range(200)
            )
            hub.until_ended(200)
            until(lambda: len(peer.received) >= 5, "alerts")
            assert hub.numbers()["readings_forwarded"] == 0
            assert hub.command("status")["forward_lag_s"] > 0
            server.manners.clear()
            began = time.monotonic()
            hub.stop()
            assert time.monotonic() - began < 15
            hub.start()
            until(lambda: hub.numbers()["readings_forwarded"] == 200, "all is sent")
            assert hub.command("status")["forward_lag_s"] == 0
    assert server.count("temperature") == 200


@pytest.mark.mosquitto
def test_an_alert_says_that_influxdb_refuses(
    tmp_path: Path, server: StrictInflux
) -> None:
    server.manners.extend([answer(401, "unauthorized access")] * 30)
    given: dict[str, Any] = {
        "influx__url": server.url,
        "influx__token": "t",
        "influx__org": "o",
        "influx__every_s": 0.05,
        "influx__retry_s": 0.1,
    }
    with Mosquitto(tmp_path) as broker:
        hub = HubProcess(tmp_path, broker.port, devices=1, **given)
        with hub, Peer(broker.port, []) as peer:
            peer.send([("sensorhub/v1/z1/d0/up", body_of(1, 20))])

            def told() -> list[tuple[str, str]]:
                return [
                    (alert["rule"], alert["state"])
                    for alert in hub.command("alerts", "--all")
                ]

            until(lambda: ("influx_stuck", "resolved") in told(), "told and over", 40)
            (alert,) = hub.command("alerts", "--all")
            cause = alert["transitions"][0]["cause"]
            assert cause["topic"] == "401: unauthorized access"
            until(lambda: hub.numbers()["readings_forwarded"] == 1, "it is sent")
