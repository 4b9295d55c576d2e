"""The hub is away, is there twice, or gets what nobody can read."""

import json
import time
from pathlib import Path

import pytest

from tests.support.brokers import Mosquitto, Peer, until
from tests.support.hubs import SILENT, HubProcess, fleet_csv, report

pytestmark = [pytest.mark.mosquitto, pytest.mark.slow]
SPEED = 1800.0
TWO_HOURS_S = 2.5 * 3600 / SPEED  # real seconds, with a margin


def speak(peer: Peer, seq: int, devices: int) -> None:
    """Every device sends one uplink."""
    body = json.dumps({"seq": seq, "m": {"fill_level": 10 + seq}}).encode()
    peer.send([(f"sensorhub/v1/z1/d{n}/up", body) for n in range(devices)])


def rules_of(hub: HubProcess, *, all_: bool = True) -> list[str]:
    """Rules of alerts, in order of their start."""
    found = hub.command("alerts", *(["--all"] if all_ else []))
    return [alert["rule"] for alert in found]


def test_a_hub_away_for_two_hours_makes_no_device_silent(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = HubProcess(
            tmp_path / "hub",
            broker.port,
            rules=SILENT,
            clock__start="2026-03-01T06:00:00Z",
            clock__speed=SPEED,
        )
        file = tmp_path / "fleet.csv"
        lines = fleet_csv(4).splitlines()
        text = [f"{lines[0]},interval_s", *(f"{line},600" for line in lines[1:])]
        file.write_text("\n".join(text), "utf-8")
        hub.command("fleet", "import", str(file))
        with hub:
            speak(peer, 1, 4)
            hub.until_ended(4)
            hub.kill()
            gone = time.monotonic()
            until(lambda: time.monotonic() - gone > TWO_HOURS_S, "two hours went by")
            hub.start()
            speak(peer, 2, 4)
            hub.until_ended(8)
            outage = hub.command("alerts", "--all")
            assert [alert["rule"] for alert in outage] == ["hub_outage"]
            hours = outage[0]["transitions"][0]["cause"]["value"]
            assert hours > 2
            # and a device that is silent while the hub hears is one
            until(lambda: "silent_device" in rules_of(hub), "devices fall silent")
            assert "hub_outage" not in rules_of(hub, all_=False)
            sums = hub.sums_are_exact()
            assert sums["uplinks_stored"] == 8
    report(
        "hub down for over two hours (simulated clock)",
        "kill -9, start two hours later; 4 devices with 10 min between uplinks",
        lost=0,
        doubled=0,
        measured=f"one hub_outage alert ({hours:.1f} h), resolved once the hub received"
        " again; no silent_device",
    )


def test_the_older_of_two_hubs_with_one_client_id_ends(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        older = HubProcess(tmp_path / "older", broker.port, devices=2)
        younger = HubProcess(tmp_path / "younger", broker.port, devices=2)
        with older:
            speak(peer, 1, 2)
            older.until_ended(2)
            with younger:
                assert older.wait() == 75
                assert b"younger hub" in older.log.read_bytes()
                speak(peer, 2, 2)
                until(lambda: younger.ended() >= 2, "the younger one works")
                assert younger.alive()
    report(
        "two hubs with one client id",
        "a second hub started beside the first",
        lost=0,
        doubled=0,
        measured="the older one exited with code 75",
    )


POISON = [
    b"",
    b"\xff\xfe\x00{",
    b"[" * 20_000,
    b"x" * 70_000,
    b'{"m":{"fill_level":NaN}}',
    b'{"m":{"fill_level":1e999}}',
    b'{"seq":1,"m":{"fill_level":"full"}}',
    '{"m":{"fill_level":1}}'.encode("utf-16"),
    b'{"ts":1e30,"m":{}}',
    b"null",
]


def test_poison_through_the_broker_becomes_dead_letters(tmp_path: Path) -> None:
    topics = ["z1/d0/up", "z1/nobody/up", "区/箱/up"]
    packets = [(f"sensorhub/v1/{topic}", p) for topic in topics for p in POISON]
    packets += [("v3/a/devices/b/up", p) for p in POISON]
    packets += [("application/1/device/x/event/up", p) for p in POISON]
    with (
        Mosquitto(tmp_path) as broker,
        Peer(broker.port) as peer,
        HubProcess(tmp_path / "hub", broker.port, devices=1) as hub,
    ):
        peer.send(packets)
        speak(peer, 1, 1)
        until(
            lambda: hub.numbers()["uplinks_received"] >= len(packets) + 1,
            "all are received",
        )
        sums = hub.sums_are_exact()
        assert sums["uplinks_stored"] == 1
        assert sums["uplinks_dead"] == len(packets)
        assert not sums["uplink_internal_error"]
        letters = hub.command("dead-letters", "list", "--limit", "1000")
        assert len(letters) == len(packets)
    report(
        "malformed uplinks of every kind",
        f"{len(packets)} through the broker; thousands more by property tests",
        lost=0,
        doubled=0,
        measured=f"{sums['uplinks_dead']} dead letters, the valid uplink beside them"
        " stored",
    )
