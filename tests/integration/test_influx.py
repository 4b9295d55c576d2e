"""Forwarding to a real InfluxDB: restarts, kills, refusals, catching up."""

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sensorhub.errors import StoreError
from sensorhub.forward.influx_reader import InfluxReader
from sensorhub.hub.workspace import older_readings
from sensorhub.model import Reading
from sensorhub.store import forward_queue, forwarding
from sensorhub.store.hot import counters
from sensorhub.store.past_readings import ReadOlder
from sensorhub.views.listings import readings_view
from tests.support.brokers import Mosquitto, Peer, until
from tests.support.forwarding import START, Killed, Town
from tests.support.hubs import HubProcess
from tests.support.influx import ORG, TOKEN, Influxd

MINUTE = 60_000


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influxd]:
    with Influxd(tmp_path) as found:
        yield found


@pytest.fixture
def town(tmp_path: Path, influxd: Influxd) -> Town:
    return Town(tmp_path / "town", influxd.settings())


def fill(town: Town, rounds: int, first: int = 0) -> None:
    """Uplinks of five devices, a minute apart."""
    for n in range(first, first + rounds):
        at = START + n * MINUTE
        values = {"fill_level": n % 60 + 0.5, "temperature": n % 40 - 10.25}
        town.take([town.uplink(d, at, **values) for d in range(5)], at)


def agrees(town: Town, influxd: Influxd) -> None:
    """InfluxDB has every reading that is stored and not rejected, and no other."""
    stored = {
        (asset, at, device, name, value)
        for asset, at, _, device, name, value, quality, _ in town.story.readings()
        if quality.name != "REJECTED"
    }
    names = dict(town.story.hub.connection.execute("SELECT id, no FROM assets"))
    found = set()
    for row in influxd.rows('SELECT * FROM "readings"'):
        at = row["time"] - (row.get("shifted_ms") or 0)
        for name in ("fill_level", "temperature"):
            if row.get(name) is not None:
                asset = names[row["asset"]]
                found.add((asset, at, row["device"], name, float(row[name])))
    assert found == stored


def test_everything_stored_is_in_influxdb(town: Town, influxd: Influxd) -> None:
    fill(town, 20)
    for value in (10, 20, 20, 30):
        town.say(1, START + 20 * MINUTE, fill_level=value)
    town.say(2, START + 20 * MINUTE, fill_level=1, temperature=900)
    town.forward()
    agrees(town, influxd)
    found = town.is_exact()
    assert found["readings_forwarded"] == found["readings_stored"]
    assert influxd.count() == 5 * 20 + 3 + 1


def test_restarts_of_influxdb_lose_nothing(town: Town, influxd: Influxd) -> None:
    for part in range(3):
        fill(town, 5, 5 * part)
        influxd.kill() if part == 1 else influxd.stop()
        assert town.forwarder.turn() > 0
        assert "no answer" in town.forwarder._reason
        influxd.start()
        town.forwarder._reason = ""
        town.forward()
    agrees(town, influxd)
    assert town.is_exact()["readings_forwarded"] == 5 * 15 * 2


@pytest.mark.parametrize("after_jobs", [0, 1, 2])
def test_a_kill_between_lines_and_cursor_repeats_and_changes_nothing(
    town: Town, influxd: Influxd, after_jobs: int
) -> None:
    fill(town, 10)
    town.say(1, START, fill_level=33)  # as old as others: it lies a ms later
    left = after_jobs

    def dies() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    town.kill_before = dies
    with pytest.raises(Killed):
        town.forward()
    town.kill_before = lambda: False
    town.kill()
    fill(town, 5, 10)
    town.forward()
    agrees(town, influxd)
    assert town.is_exact()["readings_refused"] == 0


def test_a_revoked_token_waits_is_told_and_goes_on(
    town: Town, influxd: Influxd
) -> None:
    org = influxd.ask("GET", f"/api/v2/orgs?org={ORG}")["orgs"][0]["id"]
    rights = [
        {"action": action, "resource": {"type": "buckets", "orgID": org}}
        for action in ("read", "write")
    ]
    made = {"orgID": org, "permissions": rights}
    made = influxd.ask("POST", "/api/v2/authorizations", made)
    town.settings = influxd.settings(token=made["token"])
    town.begin()
    fill(town, 5)
    town.forward()
    path = f"/api/v2/authorizations/{made['id']}"
    influxd.ask("PATCH", path, {"status": "inactive"})
    fill(town, 5, 5)
    assert town.forwarder.turn() == town.settings.retry_s
    stuck = town.forwarder.stuck()
    assert stuck is not None
    assert stuck.reason.startswith("403")
    influxd.ask("DELETE", path)
    assert town.forwarder.turn() == town.settings.retry_s
    stuck = town.forwarder.stuck()
    assert stuck is not None
    assert stuck.reason.startswith("401")
    assert influxd.count() == 25
    town.settings = influxd.settings()
    town.restart()
    town.forward()
    assert town.forwarder.stuck() is None
    agrees(town, influxd)


@pytest.mark.parametrize("wrong", [{"bucket": "none"}, {"org": "none"}])
def test_a_missing_bucket_is_told_and_nothing_is_lost(
    town: Town, influxd: Influxd, wrong: dict[str, str]
) -> None:
    town.settings = influxd.settings(**wrong)
    town.begin()
    fill(town, 3)
    assert town.forwarder.turn() == town.settings.retry_s
    stuck = town.forwarder.stuck()
    assert stuck is not None
    assert stuck.reason.startswith("404")
    town.settings = influxd.settings()
    town.restart()
    town.forward()
    agrees(town, influxd)


def test_a_schema_conflict_costs_the_conflicting_values_only(
    town: Town, influxd: Influxd
) -> None:
    influxd.write(f'readings,device=other temperature="warm" {START}')
    fill(town, 4)
    town.forward()
    assert influxd.count("fill_level") == 20
    found = town.is_exact()
    assert found["readings_refused"] == 20
    letters = forward_queue.letters(town.story.hub.connection, 100)
    assert len(letters) == 20
    assert all("field type conflict" in row.reason for row in letters)
    assert all(" temperature=" in row.line for row in letters)


def test_refused_lines_go_out_once_the_cause_is_gone(
    town: Town, influxd: Influxd
) -> None:
    influxd.write(f'readings,device=other temperature="warm" {START}')
    fill(town, 2)
    town.forward()
    org = f"org={ORG}&bucket=sensorhub"
    influxd.ask(
        "POST",
        f"/api/v2/delete?{org}",
        {"start": "1970-01-01T00:00:00Z", "stop": "2100-01-01T00:00:00Z"},
    )
    assert town.story.act("influx_retry") == {"lines": 10}
    town.forward()
    found = town.is_exact()
    assert found["readings_refused"] == 0
    assert forward_queue.letters(town.story.hub.connection, 10) == []
    assert influxd.count("temperature") == 10


def test_one_bad_line_is_found_among_many(town: Town, influxd: Influxd) -> None:
    assert town.forwarder.turn() >= 0  # a writer of its own
    fill(town, 40)
    writer = town.forwarder
    send = writer._send

    def spoil(lines: list[str]) -> object:
        bad = [line.replace("fill_level=", "fill_level=x", 1) for line in lines[77:78]]
        return send(lines[:77] + bad + lines[78:])

    writer._sender._send = spoil  # type: ignore[assignment]
    town.forward()
    found = town.is_exact()
    assert found["readings_refused"] == 1
    assert influxd.count("fill_level") == 199
    assert influxd.count("temperature") == 200
    (letter,) = forward_queue.letters(town.story.hub.connection, 10)
    assert letter.reason.startswith("400")


def test_what_the_bucket_does_not_keep_is_counted_apart(tmp_path: Path) -> None:
    with Influxd(tmp_path, retention_s=3 * 86_400) as influxd:
        town = Town(tmp_path / "town", influxd.settings())
        now = influxd.now_ms()
        town.story.clock.time = now
        for day in (20, 10, 2, 1, 0):
            town.take(
                [
                    town.uplink(d, now - day * 86_400_000, fill_level=day)
                    for d in range(5)
                ],
                now,
            )
        town.forward()
        found = town.is_exact()
        assert found["readings_expired"] == 10
        assert found["readings_refused"] == 0
        assert influxd.count() == 15


def test_it_catches_up_from_history_after_a_long_time_away(
    town: Town, influxd: Influxd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.store.reclaim.KEPT_UPLINKS", 10)
    fill(town, 10)
    town.forward()
    connection = town.story.hub.connection
    connection.execute("UPDATE meta SET value = '5000' WHERE key = 'forward_on'")
    influxd.stop()
    fill(town, 200, 10)
    town.story.hub.checkpoint_all()
    maker = town.make_history(chunks=True)
    maker._tidied = -1e9
    while maker.tidy():
        pass
    left = town.story.rows("SELECT count(*) FROM journal")[0][0]
    assert left < 100
    lag = forwarding.lag_s(connection, town.story.clock.now())
    assert lag is not None
    assert lag > 190 * 60
    influxd.start()
    town.forward()
    agrees(town, influxd)
    assert town.is_exact()["readings_forwarded"] == 210 * 5 * 2
    assert forwarding.lag_s(connection, town.story.clock.now()) == 0.0


def test_transitions_and_services_can_be_asked_for(
    town: Town, influxd: Influxd
) -> None:
    for n in range(4):
        town.say(1, START + n * 10 * MINUTE, fill_level=95)
    town.say(1, START + 60 * MINUTE, fill_level=4)
    town.forward()
    moved = influxd.rows('SELECT * FROM "transitions"')
    assert [(row["asset"], row["rule"], row["to"]) for row in moved] == [
        ("bin1", "bin_full", "firing"),
        ("bin1", "bin_full", "resolved"),
    ]
    (served,) = influxd.rows('SELECT * FROM "services"')
    assert (served["asset"], served["kind"]) == ("bin1", "emptied")


@pytest.mark.parametrize("cut", [0, 7, 31, 60])
def test_reading_back_equals_what_was_stored_here(
    town: Town, influxd: Influxd, cut: int
) -> None:
    fill(town, 30)
    for value in (10, 20, 20, 30):  # one millisecond, three values
        town.say(1, START + 7 * MINUTE, fill_level=value)
    town.take([town.uplink(1, START + 90 * MINUTE, fill_level=5, temperature=1.125)])
    town.say(1, START + 50 * MINUTE, fill_level=44, temperature=-0.25)
    town.forward()
    connection = town.story.hub.connection
    span = (START - MINUTE, START + 55 * MINUTE)

    def seen(measurement: str | None, older: ReadOlder | None) -> list[Reading]:
        found = readings_view(connection, "bin1", measurement, span, older)
        assert found
        return found

    here = {m: seen(m, None) for m in (None, "fill_level", "temperature")}
    assert any(reading.quality for reading in here[None])
    town.make_history(chunks=True)
    counters.set_meta(connection, counters.KEPT_FROM, str(START + cut * MINUTE))
    if cut > 55:
        for name in ("journal", "segments", "slices", "chunks"):
            connection.execute(f"DELETE FROM {name}")
    older = older_readings(
        town.story.settings.model_copy(update={"influx": influxd.settings()})
    )
    for measurement, wanted in here.items():
        assert seen(measurement, older) == wanted


def test_an_influxdb_that_is_away_is_told_when_it_is_asked(
    town: Town, influxd: Influxd
) -> None:
    fill(town, 2)
    town.forward()
    connection = town.story.hub.connection
    counters.set_meta(connection, counters.KEPT_FROM, str(START + MINUTE))
    reader = InfluxReader(influxd.settings())
    influxd.stop()
    with pytest.raises(StoreError, match="no answer"):
        readings_view(connection, "bin1", None, (START, START + MINUTE), reader.read)
    influxd.start()
    reader = InfluxReader(influxd.settings(token="wrong"))
    with pytest.raises(StoreError, match="401"):
        readings_view(connection, "bin1", None, (START, START + MINUTE), reader.read)


@pytest.mark.mosquitto
def test_kills_of_hub_and_influxdb_under_load_lose_and_double_nothing(
    tmp_path: Path, influxd: Influxd
) -> None:
    given: dict[str, Any] = {
        "influx__url": influxd.url,
        "influx__token": TOKEN,
        "influx__org": ORG,
        "influx__every_s": 0.02,
        "influx__retry_s": 0.2,
    }
    chance = random.Random(4)
    rounds, devices = 12, 20
    with Mosquitto(tmp_path) as broker, Peer(broker.port) as peer:
        hub = HubProcess(tmp_path / "hub", broker.port, devices=devices, **given)
        with hub:
            for part in range(rounds):
                peer.send(load(part, devices))
                if part % 3 == 1:
                    time.sleep(chance.random() * 0.2)  # into whatever it is doing
                    hub.kill()
                    hub.start()
                if part % 4 == 2:
                    influxd.kill()
                    influxd.start()
            sent = rounds * devices * 50
            hub.until_ended(sent)
            until(lambda: hub.numbers()["readings_forwarded"] == 2 * sent, "sent", 60)
            assert hub.command("status")["forward_lag_s"] == 0
            assert influxd.count("fill_level") == sent
            assert influxd.count("temperature") == sent
            assert hub.numbers()["readings_refused"] == 0


def load(part: int, devices: int) -> Iterator[tuple[str, bytes]]:
    """Fifty uplinks of each device."""
    for n in range(50):
        for device in range(devices):
            seq = part * 50 + n
            values = {"fill_level": seq % 60, "temperature": device + n / 100}
            body = json.dumps({"seq": seq, "m": values}).encode()
            yield f"sensorhub/v1/z1/d{device}/up", body
