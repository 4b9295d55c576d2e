"""The past in virtual time decides what a hub that lived through it decided."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sensorhub.alerts.event import rfc3339
from sensorhub.backtest.compare import difference
from sensorhub.backtest.run import BacktestResult, BacktestTask, backtest
from sensorhub.backtest.virtual import LoadedConfig
from sensorhub.config.settings import Settings
from sensorhub.errors import ConfigError
from sensorhub.fleet import parse_fleet_text
from sensorhub.fleet.times import parse_time
from sensorhub.model import RETAIN, Message
from sensorhub.standards import built_in
from sensorhub.views.listings import transition_views
from tests.support.past import FLEET, RULES, Came, line, past, write
from tests.support.town import HOUR, MINUTE, NOW, SECOND, Town, native, profiles

UTC = ZoneInfo("UTC")
LOOK = 5 * SECOND


def task(source: Path, fleet: str = FLEET) -> BacktestTask:
    rows = parse_fleet_text(fleet, "fleet.csv", UTC)
    return BacktestTask(
        source, rows, LoadedConfig(source.parent, Settings(), profiles(), built_in())
    )


def run(source: Path, *, rules: str = RULES, fleet: str = FLEET) -> BacktestResult:
    return backtest(task(source, fleet), [rules])[0]


def lived(folder: Path, came: list[Came]) -> list[dict[str, Any]]:
    """The same past, moment by moment: a look every few seconds, uplinks singly."""
    folder.mkdir()
    town = Town(folder, RULES, FLEET, now=came[0][0])
    waiting = list(reversed(came))
    while waiting:
        at, message = waiting[-1]
        town.clock.time = min(at, town.clock.time + LOOK)
        town.tick()
        if town.clock.time == at:
            town.take([message])
            waiting.pop()
    town.tick()
    return [dict(view) for view in transition_views(town.hub.connection)]


def decided(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Transitions but for the time of the look and what is made of it."""
    return sorted(key(row) for row in rows)


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    cause = row["cause"]
    never = cause.get("reason") == "no_data" and cause["last_uplink_at"] is None
    looked = row["rule"] == "hub_clock" or never
    when = "" if looked else cause.get("deadline_at", cause.get("measured_at"))
    return row["rule"], row["asset"], row["to"], row["severity"], when


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_virtual_time_decides_as_every_look_would_have(
    tmp_path: Path, seed: int
) -> None:
    came = past(seed)
    found = run(write(tmp_path / "up.jsonl", came)).transitions
    looked = lived(tmp_path / "town", came)
    assert decided(found) == decided(looked)
    kinds = {row["rule"] for row in found}
    assert kinds == {"full", "late", "silent", "hub_clock"}
    pairs = zip(sorted(found, key=order), sorted(looked, key=order), strict=True)
    for exact, late in pairs:
        assert 0 <= at(late) - at(exact) <= LOOK, (exact, late)


def at(row: dict[str, Any]) -> int:
    return parse_time(row["at"], UTC)


def order(row: dict[str, Any]) -> tuple[Any, ...]:
    return *key(row), at(row)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = write(tmp_path / "up.jsonl", past(7))
    ledgers = [io.StringIO(), io.StringIO()]
    found = [backtest(task(source), [RULES], ledger=x)[0] for x in ledgers]
    assert found[0] == found[1]
    assert ledgers[0].getvalue() == ledgers[1].getvalue()


def test_the_ledger_says_of_each_line_how_it_ended(tmp_path: Path) -> None:
    good = native("d1", {"fill_level": 50}, zone="z", seq=1, ts=NOW)
    came = [
        (NOW, good),
        (NOW + 1, good),
        (NOW + 2, native("stranger", {"fill_level": 50})),
        (NOW + 3, Message(b"sensorhub/v1/z/d1/status", b'{"state":"online"}', 0)),
        (NOW + 4, good._replace(flags=good.flags | RETAIN)),
        (NOW + 5, Message(good.topic, b"{", 2)),
        (NOW + 6, native("d1", {"fill_level": 51}, zone="z", seq=2, ts=NOW + 6)),
    ]
    source = write(tmp_path / "up.jsonl", came)
    source.write_text(source.read_text().replace("\n", "\n\n", 1))  # a blank line
    ledger = io.StringIO()
    found = backtest(task(source), [RULES], ledger=ledger)[0]
    rows = [json.loads(text) for text in ledger.getvalue().splitlines()]
    assert [(row["line"], row["outcome"], row["reason"]) for row in rows] == [
        (1, "stored", None),
        (3, "duplicate", "same_seq"),
        (4, "dead", "unknown_device"),
        (5, "event", None),
        (6, "duplicate", "retained"),
        (7, "dead", "bad_payload"),
        (8, "stored", None),
    ]
    assert found.sums["uplinks_received"] == 6
    assert found.sums["events_received"] == 1


def csv_of(rows: list[tuple[str, str, int, float]]) -> str:
    text = "asset,measurement,measured_at,value\n"
    return text + "".join(f"{a},{m},{rfc3339(at)},{v}\n" for a, m, at, v in rows)


def test_readings_as_csv_come_when_they_were_measured(tmp_path: Path) -> None:
    rows = []
    for n in range(5):
        rows += [("bin1", "fill_level", NOW + n * 6 * MINUTE, 70.0 + 5 * n)]
        rows += [("bin1", "temperature", NOW + n * 6 * MINUTE, 20.0)]
        rows += [("bin1", "odour_rise", NOW + n * 6 * MINUTE, 2.0)]
    source = tmp_path / "readings.csv.gz"
    source.write_bytes(gzip.compress(csv_of(rows).encode()))
    ledger = io.StringIO()
    found = backtest(task(source), [RULES], ledger=ledger)[0]
    steps = [(x["rule"], x["to"], x["severity"], x["at"]) for x in found.transitions]
    assert steps == [("full", "firing", "warning", rfc3339(NOW + 24 * MINUTE))]
    assert (found.sums["uplinks_stored"], found.sums["readings_stored"]) == (5, 10)
    assert len(ledger.getvalue().splitlines()) == 10


LINE = line(NOW, native("d1", {"fill_level": 5}, zone="z"))


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.jsonl", "", "holds no line"),
        ("a.jsonl", "{}\n", r"line 1: .*received_at"),
        ("a.jsonl", json.dumps(LINE) + "\n\n{\n", "line 3: "),
        ("a.jsonl", json.dumps(LINE | {"payload": "*"}), "line 1: .*payload"),
        ("a.jsonl", json.dumps(LINE | {"qos": 3}), "line 1: .*qos"),
        ("a.jsonl", json.dumps(LINE | {"retained": True}), "line 1: .*retained"),
        (
            "a.jsonl",
            json.dumps(LINE | {"received_at": "2026-01-01T00:00:00"}),
            "line 1: .*received_at",
        ),
        (
            "a.jsonl",
            json.dumps(LINE) + "\n" + json.dumps(line(NOW - 1, native("d1"))),
            "line 2: .* is earlier than .*sort by received_at",
        ),
        ("a.csv", "asset,value\n", "line 1: no column measurement, measured_at"),
        ("a.csv", csv_of([("bin1", "weight", NOW, 1)]), "line 2: no such measurement"),
        ("a.csv", csv_of([("nobody", "nh3", NOW, 1)]), "line 2: no device is mounted"),
        ("a.csv", csv_of([("bin1", "nh3", NOW, float("nan"))]), "line 2: .*no number"),
        ("a.csv", csv_of([("bin1", "nh3", NOW, 1)])[:-3] + "\n", "line 2: too few"),
        (
            "a.csv",
            csv_of([("bin1", "nh3", NOW, 1), ("bin2", "nh3", NOW - 1, 1)]),
            "line 3: .* is earlier",
        ),
    ],
)
def test_a_line_that_cannot_be_taken_is_named(
    tmp_path: Path, name: str, text: str, what: str
) -> None:
    source = tmp_path / name
    source.write_text(text)
    with pytest.raises(ConfigError, match=what):
        run(source)


def test_order_is_seen_across_parts_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensorhub.backtest.lines.BLOCK", 300)
    came = past(1)[:60]
    assert run(write(tmp_path / "a.jsonl", came)).sums["uplinks_received"] > 50
    came[40], came[41] = came[41], came[40]
    with pytest.raises(ConfigError, match=r"line 4[12]: .* is earlier"):
        run(write(tmp_path / "a.jsonl", came))


def test_a_payload_is_bytes_not_text(tmp_path: Path) -> None:
    body = bytes(range(256))
    source = tmp_path / "a.jsonl"
    payload = base64.b64encode(body).decode()
    source.write_text(json.dumps(LINE | {"payload": payload}))
    assert run(source).sums["uplinks_dead"] == 1


def test_devices_change_places_at_their_times(tmp_path: Path) -> None:
    head = FLEET.split("\n")[0]
    swap = rfc3339(NOW + HOUR)
    fleet = f"{head}\nz,s,b,bin,,old,native,900,,{swap}\n"
    fleet += f"z,s,b,bin,,new,native,900,{swap},\n"
    came = [
        (
            NOW + n * 10 * MINUTE,
            native(who, {"fill_level": 85}, zone="z", seq=n, ts=NOW + n * 10 * MINUTE),
        )
        for n in range(12)
        for who in ("old" if n < 6 else "new",)
    ]
    found = run(write(tmp_path / "a.jsonl", came), fleet=fleet)
    full = [row for row in found.transitions if row["rule"] == "full"]
    assert [(row["asset"], row["to"]) for row in full] == [("b", "firing")]
    assert found.sums["uplinks_stored"] == 12


def test_other_rules_make_alerts_come_go_and_change(tmp_path: Path) -> None:
    source = write(tmp_path / "up.jsonl", past(3))
    other = RULES.replace("raise = 80", "raise = 85").replace(
        'id = "late"', 'id = "l8"'
    )
    before, after = backtest(task(source), [RULES, other])
    found = difference(before.transitions, after.transitions)
    assert {alert.rule for alert in found.comes} >= {"l8"}
    assert {alert.rule for alert in found.goes} >= {"late"}
    assert {old.rule for old, _ in found.changes} == {"full"}
    assert all(old.started <= new.started for old, new in found.changes)
    same = difference(before.transitions, before.transitions)
    assert (same.comes, same.goes, same.changes) == ([], [], [])
    assert same.same == found.same + len(found.goes) + len(found.changes)
