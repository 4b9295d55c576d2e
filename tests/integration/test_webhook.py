"""Webhooks against a real HTTP receiver."""

import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from sensorhub.clock import Clock
from sensorhub.errors import DeliveryError
from sensorhub.notify.addresses import Network, allowed, networks
from sensorhub.notify.notification import Notification
from sensorhub.notify.probe import probe
from sensorhub.notify.relay import Relay, Transports
from sensorhub.notify.webhook import Webhook
from sensorhub.notify.workers import Workers
from sensorhub.store import database, migration, subscriptions
from sensorhub.store.hot import outbox
from sensorhub.store.hot.outbox import OutboxRow
from sensorhub.store.subscriptions import SubscriptionFilter
from tests.support import receivers
from tests.support.receivers import Receiver, status

LOOPBACK = networks(["127.0.0.0/8", "::1/128"])
BODY = '{"version":1,"text":{"zh-CN":"东街 3 号桶满了"}}'.encode()


def real_now() -> float:
    return Clock().now() / 1000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receivers.receiver() as made:
        yield made


def notification(url: str, id_: str = "msg_1", attempt: int = 1) -> Notification:
    target = {"url": url, "secret": subscriptions.new_secret()}
    return Notification(id_, "hook", "webhook", target, BODY, attempt)


def webhook(timeout_s: float = 5.0, private: Sequence[Network] = LOOPBACK) -> Webhook:
    return Webhook(private, timeout_s, real_now)


def _waits(free: threading.Event, most_s: float) -> None:
    free.wait(most_s)


def refusal(url: str, timeout_s: float = 5.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        webhook(timeout_s).deliver(notification(url))
    return caught.value


def test_a_delivery_is_signed_as_standard_webhooks_says(receiver: Receiver) -> None:
    sent = notification(receiver.url)
    assert webhook().deliver(sent).status == 204
    (got,) = receiver.wait_for(1)
    assert got.body == BODY
    assert got.headers["webhook-id"] == "msg_1"
    Verifier(sent.target["secret"]).verify(got.body, got.headers)


def test_the_host_header_keeps_the_name(receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost") + "?q=ü#part"
    webhook().deliver(notification(url))
    (got,) = receiver.wait_for(1)
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert headers["host"].startswith("localhost:")
    assert got.path == "/hook?q=%C3%BC"


@pytest.mark.parametrize("code", [400, 404, 500, 502])
def test_other_statuses_are_tried_again(receiver: Receiver, code: int) -> None:
    receiver.manner = status(code)
    error = refusal(receiver.url)
    assert (error.permanent, error.retry_after_s) == (False, None)
    assert f"status {code}" in str(error)


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    receiver.manner = status(302, Location=receiver.url + "/other")
    error = refusal(receiver.url)
    assert not error.permanent
    assert "302" in str(error)
    assert len(receiver.received) == 1


def test_gone_is_permanent(receiver: Receiver) -> None:
    receiver.manner = status(410)
    assert refusal(receiver.url).permanent


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_in_seconds_is_honoured(receiver: Receiver, code: int) -> None:
    receiver.manner = status(code, Retry_After="120")
    assert refusal(receiver.url).retry_after_s == 120


def test_retry_after_may_be_a_date_and_is_bounded(receiver: Receiver) -> None:
    now = datetime.fromtimestamp(real_now(), UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    receiver.manner = status(503, Retry_After=later)
    assert refusal(receiver.url).retry_after_s == pytest.approx(90, abs=3)
    receiver.manner = status(503, Retry_After="99999999999")
    assert refusal(receiver.url).retry_after_s == 86_400
    receiver.manner = status(503, Retry_After="soon")
    assert refusal(receiver.url).retry_after_s is None


@pytest.mark.parametrize("manner", [receivers.half, receivers.hang_up])
def test_half_an_answer_is_no_answer(
    receiver: Receiver, manner: Callable[..., None]
) -> None:
    receiver.manner = manner
    assert not refusal(receiver.url).permanent


def test_an_endless_answer_is_cut_off(receiver: Receiver) -> None:
    receiver.manner = receivers.endless
    began = time.monotonic()
    assert webhook().deliver(notification(receiver.url)).status == 200
    assert time.monotonic() - began < 4


def test_a_dripping_answer_ends_at_the_deadline(receiver: Receiver) -> None:
    receiver.manner = receivers.drip
    began = time.monotonic()
    assert "timeout" in str(refusal(receiver.url, timeout_s=0.4))
    assert time.monotonic() - began < 2


def test_a_silent_receiver_ends_at_the_deadline(receiver: Receiver) -> None:
    free = threading.Event()
    receiver.manner = lambda _handler: _waits(free, 10)
    assert "timeout" in str(refusal(receiver.url, timeout_s=0.3))
    free.set()


def test_a_refused_connection_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert not refusal(f"http://127.0.0.1:{port}/").permanent


def test_an_unknown_name_is_tried_again() -> None:
    assert not refusal("http://no-such-host.invalid/").permanent


def certificate(folder: Path, name: str) -> Path:
    both = folder / "both.pem"
    command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256"
    command += f" -days 2 -subj /CN={name} -addext subjectAltName=DNS:{name}"
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    parts = [(folder / part).read_text() for part in ("key.pem", "cert.pem")]
    both.write_text("".join(parts))
    return both


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
@pytest.mark.parametrize(
    ("name", "trusted", "taken"),
    [("localhost", True, True), ("localhost", False, False), ("other", True, False)],
)
def test_the_certificate_must_be_trusted_and_of_the_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    trusted: bool,
    taken: bool,
) -> None:
    pem = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with receivers.receiver(pem) as secure:
        url = secure.url.replace("127.0.0.1", "localhost")
        if taken:
            assert webhook().deliver(notification(url)).status == 204
        else:
            assert "CERTIFICATE_VERIFY_FAILED" in str(refusal(url))
            assert secure.received == []


@pytest.mark.parametrize(
    "address",
    [
        *["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"],
        *["0.0.0.0", "224.0.0.1", "240.0.0.1", "100.64.0.1", "255.255.255.255"],
        *["::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"],
        *["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"],
        *["2002:7f00:1::", "::127.0.0.1"],
    ],
)
def test_private_and_reserved_addresses_are_refused(address: str) -> None:
    assert not allowed(ip_address(address), ())


def test_public_addresses_and_allowed_ranges_are_reached() -> None:
    for address in ("1.1.1.1", "2606:4700::1111", "64:ff9b::1.1.1.1"):
        assert allowed(ip_address(address), ())
    town = networks(["10.0.0.0/8", "fd00::/8"])
    for address in ("10.9.8.7", "::ffff:10.9.8.7", "fd12::1"):
        assert allowed(ip_address(address), town)
    assert not allowed(ip_address("192.168.0.1"), town)


def test_a_private_receiver_is_refused_before_anything_is_sent(
    receiver: Receiver,
) -> None:
    with pytest.raises(DeliveryError, match="private_networks"):
        webhook(private=()).deliver(notification(receiver.url))
    assert receiver.received == []


def test_one_private_address_among_public_ones_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("1.1.1.1", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1"):
        webhook(private=()).deliver(notification(receiver.url))
    assert receiver.received == []


def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert webhook().deliver(notification(receiver.url)).status == 204


def test_a_test_event_is_sent_at_once_and_the_answer_told(receiver: Receiver) -> None:
    made = subscriptions.webhook("hook", receiver.url, SubscriptionFilter(), 0)
    verdict = probe(made, webhook().deliver, 1_700_000_000_000)
    assert (verdict.taken, verdict.response) == (True, "status 204")
    (got,) = receiver.wait_for(1)
    Verifier(made.target.secret).verify(got.body, got.headers)
    receiver.manner = status(500)
    verdict = probe(made, webhook().deliver, 1_700_000_000_000)
    assert (verdict.taken, verdict.response) == (False, "status 500: ok")


class Hub:
    """A relay with its thread, and a stand-in for the pipeline's transactions."""

    def __init__(self, folder: Path, timeout_s: float = 5.0) -> None:
        self.writer = database.connect(folder)
        self.lock = threading.Lock()
        self.pool = Workers(4)
        self.relay = Relay(
            lambda: database.connect(folder, read_only=True),
            self.submit,
            transports=Transports(
                lambda _posts: 0, webhook(timeout_s).deliver, self.pool
            ),
            real_now=real_now,
        )
        self.relay.start()

    def submit(self, job: Callable[[sqlite3.Connection], None]) -> None:
        with self.lock:
            self.writer.execute("BEGIN IMMEDIATE")
            job(self.writer)
            self.writer.execute("COMMIT")

    def write(self, *rows: OutboxRow) -> None:
        numbered: list[OutboxRow] = []
        self.submit(lambda c: numbered.extend(outbox.insert(c, rows)))
        self.relay.offer(numbered)

    def subscribe(self, name: str, url: str) -> None:
        made = subscriptions.webhook(name, url, SubscriptionFilter(), 0)
        self.submit(lambda c: subscriptions.add(c, made))

    def pending(self) -> int:
        with self.lock:
            return outbox.count_pending(self.writer)

    def until(self, done: Callable[[], bool], within_s: float = 10) -> None:
        end = time.monotonic() + within_s
        while not done():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.01)

    def stop(self) -> None:
        self.relay.stop()
        self.pool.stop()
        self.writer.close()


def rows(count: int, subscription: str = "hook", alert: str = "a") -> list[OutboxRow]:
    made = []
    for n in range(count):
        id_ = f"msg_{subscription}_{alert}_{n:03}"
        made.append(OutboxRow(id_, subscription, alert, "t", 0, BODY))
    return made


def received_ids(receiver: Receiver) -> list[str]:
    return [got.headers["webhook-id"] for got in receiver.received]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    migration.prepare(tmp_path)
    return tmp_path


def test_rows_of_an_alert_arrive_in_order(folder: Path, receiver: Receiver) -> None:
    hub = Hub(folder)
    hub.subscribe("hook", receiver.url)
    hub.write(*rows(10), *rows(10, alert="b"))
    hub.until(lambda: hub.pending() == 0)
    hub.stop()
    got = received_ids(receiver)
    for alert in "ab":
        mine = [id_ for id_ in got if f"_{alert}_" in id_]
        assert mine == [row.id for row in rows(10, alert=alert)]


def test_a_hanging_receiver_delays_nobody_else(
    folder: Path, receiver: Receiver
) -> None:
    hub = Hub(folder, timeout_s=30)
    free = threading.Event()
    with receivers.receiver() as hanging:
        hanging.manner = lambda _handler: _waits(free, 20)
        hub.subscribe("slow", hanging.url)
        hub.subscribe("hook", receiver.url)
        for n in range(20):
            hub.write(*rows(1, "slow", f"s{n}"))
        hub.write(*rows(5), *rows(1, alert="b"))
        receiver.wait_for(6)
        assert hub.pending() >= 20
        free.set()
    hub.stop()


def test_a_failed_delivery_comes_again_with_the_same_id_after_five_seconds(
    folder: Path, receiver: Receiver
) -> None:
    hub = Hub(folder)
    hub.subscribe("hook", receiver.url)
    receiver.manner = status(503)
    hub.write(*rows(1))
    receiver.wait_for(1)
    receiver.manner = None
    hub.until(lambda: hub.pending() == 0, 15)
    hub.stop()
    first, second = received_ids(receiver)
    assert first == second
    stamps = [int(got.headers["webhook-timestamp"]) for got in receiver.received]
    assert stamps[1] - stamps[0] >= 4


def test_a_gone_receiver_is_told_nothing_more(folder: Path, receiver: Receiver) -> None:
    hub = Hub(folder)
    hub.subscribe("hook", receiver.url)
    receiver.manner = status(410)
    hub.write(*rows(3))
    hub.until(lambda: hub.pending() == 0)
    hub.write(*rows(3, alert="b"))
    hub.until(lambda: hub.pending() == 0)
    found = subscriptions.get(hub.writer, "hook")
    hub.stop()
    assert len(receiver.received) == 1
    assert found is not None
    assert "410" in (found.disabled or "")


def test_what_a_crash_left_is_delivered_at_the_next_start(
    folder: Path, receiver: Receiver
) -> None:
    writer = database.connect(folder)
    made = subscriptions.webhook("hook", receiver.url, SubscriptionFilter(), 0)
    subscriptions.add(writer, made)
    outbox.insert(writer, rows(3))
    writer.close()
    hub = Hub(folder)
    hub.until(lambda: hub.pending() == 0)
    hub.stop()
    assert received_ids(receiver) == [row.id for row in rows(3)]
