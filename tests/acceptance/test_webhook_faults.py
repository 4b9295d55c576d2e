"""Receivers that are down, slow or lie hold nobody else up."""

import json
import threading
import time
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer, free_port, until
from tests.support.hubs import HubProcess, report
from tests.support.receivers import Receiver, half, receiver

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
DEVICES = 20


def ids(hook: Receiver) -> Counter[str]:
    """How often each transition came."""
    return Counter(json.loads(c.body)["transition"]["id"] for c in hook.received)


def burn(peer: Peer, seq: int, heat: float) -> None:
    body = json.dumps({"seq": seq, "m": {"temperature": heat}}).encode()
    peer.send([(f"sensorhub/v1/z1/d{n}/up", body) for n in range(DEVICES)])


def test_bad_receivers_hold_nobody_up_and_get_all_in_the_end(tmp_path: Path) -> None:
    well = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        well.wait(5)
        handler.send_response(204)
        handler.end_headers()

    def lying(handler: BaseHTTPRequestHandler) -> None:
        if well.is_set():
            handler.send_response(204)
            handler.end_headers()
        else:
            half(handler)

    with (
        receiver() as good,
        receiver() as tardy,
        receiver() as liar,
        Mosquitto(tmp_path) as broker,
        Peer(broker.port) as peer,
    ):
        tardy.manner, liar.manner = slow, lying
        hub = HubProcess(
            tmp_path / "hub",
            broker.port,
            devices=DEVICES,
            notify__private_networks='["127.0.0.0/8"]',
            notify__timeout_s=1,
        )
        down = f"http://127.0.0.1:{free_port()}/hook"
        hooks = {"good": good.url, "slow": tardy.url, "lying": liar.url, "down": down}
        for name, url in hooks.items():
            hub.command("subscriptions", "add", name, url)
        with hub:
            began = time.monotonic()
            burn(peer, 1, 90)
            good.wait_for(DEVICES)
            first_s = time.monotonic() - began
            burn(peer, 2, 10)
            good.wait_for(2 * DEVICES)
            assert hub.ended() == 2 * DEVICES
            assert hub.numbers()["outbox_pending"] > 0
            well.set()
            told = {row[3] for row in hub.transitions()}
            for hook in (tardy, liar):
                until(
                    partial(lambda h: ids(h).keys() == told, hook), "they get all", 60
                )
            assert ids(good) == Counter(dict.fromkeys(told, 1))
            more = sum(ids(liar).values()) + sum(ids(tardy).values()) - 2 * len(told)
            hub.sums_are_exact()
    report(
        "webhook receivers down, slow and wrong",
        f"{len(told)} transitions to four receivers, one of them without faults",
        lost=0,
        doubled=0,
        measured=f"first {DEVICES} to the good one after {first_s:.1f} s, each once;"
        f" all to the others in the end, {more} repeated under the same id",
    )
