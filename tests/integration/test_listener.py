"""The MQTT listener against a real mosquitto."""

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs
from structlog.typing import EventDict

from sensorhub.listeners.link import Publication
from sensorhub.listeners.mqtt import MqttListener, TopicFilters
from sensorhub.model import DUP, RETAIN, Message
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.listening import (
    QUICK,
    collect,
    listening,
    nothing_comes,
    settings_for,
    take,
)

pytestmark = pytest.mark.mosquitto

WAYS = [("3.1.1", True), ("5", True), ("3.1.1", False), ("5", False)]
STATUS = "sensorhub/v1/hub/status"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as started:
        yield started


@pytest.fixture(params=WAYS, ids=["311-bulk", "5-bulk", "311-paho", "5-paho"])
def way(request: pytest.FixtureRequest) -> tuple[str, bool]:
    version, bulk = request.param
    return version, bulk


def uplinks(count: int, size: int = 1, first: int = 0) -> list[tuple[str, bytes]]:
    return [
        (f"t/{n % 7}", b"%d" % n + b" " * size) for n in range(first, first + count)
    ]


def numbers(messages: list[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


def test_uplinks_come_in_order_and_leave_the_broker(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    settings = settings_for(broker.port, version=way[0])
    listener = listening(settings, bulk=way[1])
    with Peer(broker.port) as device:
        device.send(uplinks(3_000))
    assert numbers(collect(listener, 3_000)) == list(range(3_000))
    listener.stop()
    again = listening(settings, bulk=way[1])
    assert nothing_comes(again)
    again.stop()


def test_what_was_not_done_is_redelivered_in_order(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    settings = settings_for(broker.port, version=way[0])
    first = listening(settings, bulk=way[1])
    with Peer(broker.port) as device:
        device.send(uplinks(100))
        batch = take(first, limit=40)
        first.acknowledge(batch)
        done = len(batch.messages)
        take(first)
        first.stop()
        device.send(uplinks(50, first=100))
    second = listening(settings, bulk=way[1])
    got = collect(second, 150 - done)
    assert numbers(got) == list(range(done, 150))
    assert got[0].flags & DUP
    second.stop()


def test_a_killed_hub_gets_again_what_it_had_not_acknowledged(
    broker: Mosquitto,
) -> None:
    settings = settings_for(broker.port)
    code = (
        "import sys\nfrom tests.support.listening import *\n"
        f"listener = listening(settings_for({broker.port}))\n"
        "print('up', file=sys.stderr, flush=True)\n"
        "while True: listener.take_batch(10, 1.0)\n"
    )
    hub = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert hub.stderr is not None
    assert hub.stderr.readline() == b"up\n"
    with Peer(broker.port, [STATUS]) as device:
        device.send(uplinks(200))
        hub.send_signal(signal.SIGKILL)
        hub.wait()
        hub.stderr.close()
        gone = (STATUS, b'{"state": "offline"}', False)
        until(lambda: gone in device.received, "the last will")
    listener = listening(settings)
    assert numbers(collect(listener, 200)) == list(range(200))
    listener.stop()


def test_an_acknowledgement_never_crosses_a_reconnect(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    listener = listening(settings_for(broker.port, version=way[0]), bulk=way[1])
    with Peer(broker.port) as device:
        device.send(uplinks(20))
    batches = []
    for received in (20, 40, 60):
        until(partial(lambda n: listener._inbox.received == n, received), "redelivered")
        batches.append(take(listener))
        assert numbers(batches[-1].messages) == list(range(20))
        if batches[1:]:
            assert batches[-1].messages[0].flags & DUP
            listener.acknowledge(batches[-2])
        if received < 60:
            broker.restart()
    until(listener.connected, "connected")
    listener.acknowledge(batches[-1])
    listener.stop()
    again = listening(settings_for(broker.port, version=way[0]), bulk=way[1])
    assert nothing_comes(again)
    again.stop()


def test_a_full_inbox_stops_reading_and_nothing_is_lost(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    settings = settings_for(
        broker.port, version=way[0], keepalive_s=1, queue_bytes=500_000
    )
    with capture_logs() as logs:
        listener = listening(settings, bulk=way[1])
        sender = threading.Thread(target=_send_large, args=(broker.port,))
        sender.start()
        until(lambda: any(e["event"] == "inbox_full" for e in logs), "disconnect")
        sender.join()
    assert not listener.connected()
    waiting = listener._inbox.received
    assert waiting < 500_000 // 8_000 + 50
    got = set(numbers(collect(listener, 1_000)))
    while len(got) < 1_000:
        got.update(numbers(collect(listener, 1)))
    assert got == set(range(1_000))
    listener.stop()


def _send_large(port: int) -> None:
    with Peer(port) as device:
        device.send(uplinks(1_000, size=8_000))


def test_a_pause_shorter_than_the_keepalive_costs_no_reconnect(
    broker: Mosquitto,
) -> None:
    settings = settings_for(broker.port, queue_messages=100, queue_bytes=100_000)
    listener = listening(settings)
    with capture_logs() as logs:
        with Peer(broker.port) as device:
            device.send(uplinks(500, size=5_000))
        until(lambda: not listener._inbox.has_room(), "full")
        assert numbers(collect(listener, 500)) == list(range(500))
    assert logs == []
    listener.stop()


def test_filters_of_an_earlier_run_are_dropped(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    kept: list[Sequence[str]] = []
    settings = settings_for(broker.port, version=way[0])
    first = listening(
        settings,
        filters=TopicFilters(extra=["old/#"], remember=kept.append),
        bulk=way[1],
    )
    first.stop()
    assert "old/#" in kept[-1]
    second = listening(
        settings,
        filters=TopicFilters(known=kept[-1], remember=kept.append),
        bulk=way[1],
    )
    until(lambda: "old/#" not in kept[-1], "stale filter dropped")
    assert kept[-1] == ("t/#", "sensorhub/v1/hub/instance/sensorhub")
    with Peer(broker.port) as device:
        device.send([("old/x", b"1"), ("t/x", b"2")])
    assert numbers(collect(second, 1)) == [2]
    assert nothing_comes(second, 0.1)
    second.stop()


def test_retained_messages_are_marked(broker: Mosquitto) -> None:
    with Peer(broker.port) as device:
        device.send([("t/kept", b"1")], retain=True)
    listener = listening(settings_for(broker.port))
    (message,) = collect(listener, 1)
    assert message.flags & RETAIN
    listener.stop()


def test_uplinks_of_every_quality_of_service_arrive(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    listener = listening(settings_for(broker.port, version=way[0]), bulk=way[1])
    with Peer(broker.port) as device:
        for qos in (0, 1, 2):
            device.send([("t/x", b"%d" % qos)], qos=qos)
    assert numbers(collect(listener, 3)) == [0, 1, 2]
    listener.stop()


def test_an_uplink_too_large_is_handed_on_cut(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    settings = settings_for(broker.port, version=way[0], max_payload_bytes=1_000)
    listener = listening(settings, bulk=way[1])
    with Peer(broker.port) as device:
        device.send([("t/x", bytes(3_000_000)), ("t/x", b"1")])
    assert [len(m.payload) for m in collect(listener, 2)] == [1_001, 1]
    listener.stop()


def _certificates(folder: Path) -> dict[str, Path]:
    ca = trustme.CA()
    paths = {name: folder / f"{name}.pem" for name in ("ca", "server", "client", "key")}
    ca.cert_pem.write_to_path(str(paths["ca"]))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(paths["server"])
    )
    client = ca.issue_cert("hub@town.example")
    client.cert_chain_pems[0].write_to_path(str(paths["client"]))
    client.private_key_pem.write_to_path(str(paths["key"]))
    return paths


@pytest.mark.parametrize("bulk", [True, False], ids=["bulk", "paho"])
def test_tls_with_an_own_ca_and_a_client_certificate(
    tmp_path: Path, bulk: bool
) -> None:
    files = _certificates(tmp_path)
    tls = (
        f"cafile {files['ca']}\ncertfile {files['server']}\nkeyfile {files['server']}\n"
        f"require_certificate true\nlistener 0 {tmp_path}/broker.sock\n"
    )
    tls_settings = {
        "tls": True,
        "ca_file": files["ca"],
        "cert_file": files["client"],
        "key_file": files["key"],
    }
    with Mosquitto(tmp_path, listener=tls) as broker:
        listener = listening(settings_for(broker.port, **tls_settings), bulk=bulk)
        for n in range(300):
            listener.publish("t/x", b"%d" % n + b" " * 3_000)
        assert numbers(collect(listener, 300)) == list(range(300))
        listener.stop()


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_certificate_of_a_strange_ca_is_refused(tmp_path: Path) -> None:
    files = _certificates(tmp_path)
    tls = f"certfile {files['server']}\nkeyfile {files['server']}\n"
    strange = tmp_path / "strange.pem"
    trustme.CA().cert_pem.write_to_path(str(strange))
    with Mosquitto(tmp_path, listener=tls) as broker, capture_logs() as logs:
        settings = settings_for(broker.port, tls=True, ca_file=strange)
        listener = MqttListener(settings, "one", backoff=QUICK)
        listener.start()
        until(lambda: logs, "complaint")
        assert "certificate" in logs[0]["why"].lower()
        listener.stop()


def test_bad_credentials_are_told_once_until_they_change(tmp_path: Path) -> None:
    users = tmp_path / "users"
    secret = tmp_path / "secret"
    program = ["mosquitto_passwd", "-b", "-c", str(users), "hub", "right"]
    try:
        subprocess.run(program, check=True, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("mosquitto_passwd is not installed")
    secret.write_text("wrong\n")
    extra = f"allow_anonymous false\npassword_file {users}\n"
    with Mosquitto(tmp_path, extra) as broker, capture_logs() as logs:
        settings = settings_for(broker.port, username="hub", password_file=secret)
        listener = MqttListener(settings, "one", backoff=QUICK)
        listener.start()
        _wait_for_refusals(logs, 4)
        secret.write_text("also wrong\n")
        until(lambda: len(_warned(logs)) == 2, "told again")
        secret.write_text("right\n")
        until(listener.connected, "connected")
        listener.stop()
    assert len(_warned(logs)) == 2


def _warned(logs: list[EventDict]) -> list[EventDict]:
    refusals = [e for e in logs if e["event"] == "broker_refused_us"]
    return [e for e in refusals if e["log_level"] == "warning"]


def _wait_for_refusals(logs: list[EventDict], count: int) -> None:
    until(
        lambda: sum(e["event"] == "broker_refused_us" for e in logs) >= count,
        "refusals",
    )
    assert len(_warned(logs)) == 1


def test_the_older_of_two_hubs_ends(broker: Mosquitto, way: tuple[str, bool]) -> None:
    settings = settings_for(broker.port, version=way[0])
    older = listening(settings, "older", bulk=way[1])
    until(lambda: older._watch.came_back, "own id")
    younger = listening(settings, "younger", bulk=way[1])
    assert older.taken_over.wait(20), "the older hub did not notice"
    until(lambda: not older._thread.is_alive(), "older ended")
    until(younger.connected, "younger connected again")
    with Peer(broker.port) as device:
        device.send(uplinks(10))
    assert len(collect(younger, 10)) >= 10
    assert not younger.taken_over.is_set()
    older.stop()
    younger.stop()


def test_a_hub_started_again_is_not_taken_over(broker: Mosquitto) -> None:
    settings = settings_for(broker.port)
    for instance in ("one", "two", "three"):
        listener = listening(settings, instance)
        until(partial(lambda one: one._watch.came_back, listener), "own id")
        broker.restart()
        until(listener.connected, "reconnected")
        until(partial(lambda one: one.drained, listener), "drained")
        assert not listener.taken_over.is_set()
        listener.stop()


def test_birth_and_goodbye_are_retained(broker: Mosquitto) -> None:
    listener = listening(settings_for(broker.port), "abc", version="1.2.3")
    with Peer(broker.port, [STATUS]) as peer:
        until(lambda: peer.received, "birth")
        assert json.loads(peer.received[0][1]) == {
            "state": "online",
            "instance": "abc",
            "version": "1.2.3",
        }
        listener.stop()
        until(lambda: len(peer.received) == 2, "goodbye")
        assert json.loads(peer.received[1][1]) == {"state": "offline"}
    with Peer(broker.port, [STATUS]) as late:
        until(lambda: late.received, "retained")
        assert late.received == [(STATUS, b'{"state": "offline"}', True)]


def test_a_backlog_is_drained_only_when_done(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    settings = settings_for(broker.port, version=way[0])
    first = listening(settings, bulk=way[1])
    until(lambda: first.drained, "drained without any backlog")
    first.stop()
    assert not first.drained
    with Peer(broker.port) as device:
        device.send(uplinks(2_500))
    second = listening(settings, bulk=way[1])
    done = 0
    while done < 2_500:
        batch = take(second, limit=200)
        assert not second.drained
        second.acknowledge(batch)
        done += len(batch.messages)
    until(lambda: second.drained, "drained")
    second.stop()


def test_steady_traffic_does_not_hide_that_the_backlog_is_drained(
    broker: Mosquitto,
) -> None:
    stop = threading.Event()
    sender = threading.Thread(target=_send_until, args=(broker.port, stop))
    sender.start()
    first = listening(settings_for(broker.port), "first")
    first.stop()
    second = listening(settings_for(broker.port), "second")
    until(lambda: collect(second, 1) and second.drained, "drained")
    stop.set()
    sender.join()
    second.stop()


def _send_until(port: int, stop: threading.Event) -> None:
    with Peer(port) as device:
        while not stop.is_set():
            device.send([("t/x", b"1")])


def test_publications_survive_a_broker_restart(
    broker: Mosquitto, way: tuple[str, bool]
) -> None:
    listener = listening(settings_for(broker.port, version=way[0]), bulk=way[1])
    done: set[int] = set()
    open_ = deque(_publications(2_000, done))
    sent = 0
    end = time.monotonic() + 20
    while len(done) < 2_000:
        assert time.monotonic() < end, f"only {len(done)} confirmed"
        items = [open_.popleft() for _ in range(min(50, len(open_)))]
        accepted = listener.publish_many([_back_to(open_, item) for item in items])
        open_.extendleft(reversed(items[accepted:]))
        sent += accepted
        if 1_000 <= sent < 10_000:
            sent += 10_000
            broker.restart()
        time.sleep(0.001)
    assert sent >= 10_000  # the broker was started again on the way
    got: set[int] = set()
    while len(got) < 2_000:
        got.update(numbers(collect(listener, 1)))
    listener.stop()


def _publications(count: int, done: set[int]) -> Iterator[Publication]:
    for n in range(count):
        tell = functools.partial(done.add, n)
        yield Publication("t/out", b"%d" % n, False, tell, print)


def _back_to(open_: deque[Publication], item: Publication) -> Publication:
    return item._replace(on_lost=lambda: open_.append(item))


def test_a_broker_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    listener = MqttListener(settings_for(broker.port), "one", backoff=QUICK)
    with capture_logs() as logs:
        listener.start()
        assert not listener.publish("t/x", b"1")
        until(lambda: len(logs) > 2, "several attempts")
        with broker:
            until(listener.connected, "connected")
            listener.stop()
    told = [e for e in logs if e["log_level"] == "warning"]
    assert [e["event"] for e in told] == ["broker_unreachable"]


def test_a_session_lost_by_a_killed_broker_is_made_anew(broker: Mosquitto) -> None:
    listener = listening(settings_for(broker.port))
    broker.kill()
    broker.start()
    until(listener.connected, "reconnected")
    with Peer(broker.port) as device:
        device.send(uplinks(10))
    assert numbers(collect(listener, 10)) == list(range(10))
    listener.stop()


def test_a_fault_in_the_network_thread_costs_one_connection(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listening(settings_for(broker.port))
    put = listener._inbox.put
    faults = [RuntimeError("made by the test")]

    def fail_once(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        put(*arguments)

    monkeypatch.setattr(listener._inbox, "put", fail_once)
    with capture_logs() as logs, Peer(broker.port) as device:
        device.send(uplinks(10))
        assert numbers(collect(listener, 10)) == list(range(10))
    assert "network_thread_fault" in {e["event"] for e in logs}
    listener.stop()


def test_no_descriptor_stays_open(broker: Mosquitto) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        listener = listening(settings_for(broker.port))
        broker.restart()
        until(listener.connected, "reconnected")
        listener.stop()
    MqttListener(settings_for(broker.port), "never started").stop()
    assert len(os.listdir("/proc/self/fd")) <= before
