"""Renewed certificates, as docs/operations.md says: new files, nothing else."""

import os
import signal
import ssl
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from sensorhub.listeners.mqtt import MqttListener
from tests.support.brokers import Mosquitto, until
from tests.support.listening import QUICK, settings_for

pytestmark = pytest.mark.mosquitto


def write_client(ca: trustme.CA, folder: Path) -> None:
    """Certificate and key of the hub, both files in place."""
    made = ca.issue_cert("hub@town.example")
    made.private_key_pem.write_to_path(str(folder / "client.key"))
    made.cert_chain_pems[0].write_to_path(str(folder / "client.crt"))


def write_server(ca: trustme.CA, folder: Path) -> None:
    """The broker's certificate with its key."""
    made = ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    made.write_to_path(str(folder / "server.pem"))


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_hub_takes_a_renewed_certificate_at_its_next_connection(
    tmp_path: Path,
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    write_server(ca, tmp_path)
    write_client(trustme.CA(), tmp_path)  # one that the broker does not take
    tls = (
        f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\n"
        f"keyfile {tmp_path}/server.pem\nrequire_certificate true\n"
        f"listener 0 {tmp_path}/broker.sock\n"
    )
    with Mosquitto(tmp_path, listener=tls) as broker, capture_logs() as logs:
        settings = settings_for(
            broker.port,
            tls=True,
            ca_file=tmp_path / "ca.pem",
            cert_file=tmp_path / "client.crt",
            key_file=tmp_path / "client.key",
        )
        listener = MqttListener(settings, "one", backoff=QUICK)
        listener.start()
        until(lambda: logs, "the broker refuses")
        assert not listener.connected()
        write_client(ca, tmp_path)
        until(listener.connected, "the hub is connected")
        listener.stop()


def test_mosquitto_takes_its_own_on_sighup(tmp_path: Path) -> None:
    ca = trustme.CA()
    write_server(ca, tmp_path)
    tls = f"certfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.pem\n"
    with Mosquitto(tmp_path, listener=tls) as broker:
        here = ("127.0.0.1", broker.port)
        before = ssl.get_server_certificate(here)
        write_server(ca, tmp_path)
        assert ssl.get_server_certificate(here) == before
        os.kill(broker.pid, signal.SIGHUP)
        until(lambda: ssl.get_server_certificate(here) != before, "the new one")
