"""The command line: what people read, and how it ends."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from sensorhub import __version__
from sensorhub.cli.main import main
from sensorhub.cli.tables import widths
from sensorhub.clock import Clock
from sensorhub.config.settings import Settings
from sensorhub.hub.workspace import clock_beside, hub_clock
from sensorhub.store import database, migration
from sensorhub.store.hot import counters
from tests.support.calls import Run
from tests.support.opened import close_later

SIMULATED = {"clock": {"start": "2026-06-01T00:00:00Z", "speed": 600}}


def test_a_table_keeps_ids_whole_and_fills_the_room() -> None:
    rows = [["id", "device", "text"], ["b6b404b9", "24e124713c000001", "long " * 40]]
    assert widths(rows, [True, True, False], 60) == [8, 16, 36]


def test_columns_that_fold_give_way_before_ids_are_cut() -> None:
    rows = [["a" * 16, "b" * 30, "c" * 30]]
    assert widths(rows, [True, False, False], 28) == [16, 6, 6]


def test_a_data_folder_that_is_a_file_is_told(run: Run, place: Path) -> None:
    (place / "file").touch()
    code, _, said = run("status", data=str(place / "file"))
    assert (code, said.startswith("error: ")) == (4, True)


@pytest.mark.parametrize("command", ["status", "hub", "alerts"])
def test_a_damaged_database_is_told(run: Run, place: Path, command: str) -> None:
    (place / "data").mkdir()
    (place / "data" / "sensorhub.db").write_bytes(b"no database " * 100)
    code, _, said = run(command)
    assert code == 4
    assert "is damaged" in said


def test_an_empty_folder_name_is_refused(run: Run) -> None:
    assert run("status", data="")[0] == 2


def test_the_version_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sensorhub", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.strip() == __version__


def test_a_silence_tells_its_id_and_lists_in_utc(run: Run) -> None:
    assert "silence 1 until" in run("silence", "add", "--zone", "east")[1]
    (row,) = json.loads(run("silence", "list", "--json")[1])
    assert row["until"].endswith("Z")


@pytest.mark.parametrize(
    "option", ["--zone", "--asset", "--rule", "--category", "--severity"]
)
def test_a_subscription_to_what_is_not_there_is_refused(run: Run, option: str) -> None:
    words = ("subscriptions", "add", "desk", "https://192.0.2.1/", option, "nope")
    code, _, said = run(*words)
    assert code == 1
    assert "no such" in said


def test_a_private_address_is_warned_of(run: Run) -> None:
    code, _, said = run("subscriptions", "add", "desk", "http://127.0.0.1/x")
    assert code == 0
    assert "notify.private_networks" in said


def test_dead_letters_that_are_not_there_are_not_replayed(run: Run) -> None:
    assert run("dead-letters", "replay", "99")[0] == 1


def test_adopting_a_device_never_heard_of_is_noted(run: Run) -> None:
    code, _, said = run("fleet", "adopt", "ghost", "--asset", "bin-1")
    assert code == 0
    assert "never heard of" in said


def test_hex_may_have_spaces_and_the_port_is_the_makers(run: Run) -> None:
    words = ("decode", "milesight-em400-mud", "01", "75", "5C", "--json")
    (reading,) = json.loads(run(*words)[1])["readings"]
    assert (reading["measurement"], reading["value"]) == ("battery", 92)


def connected(folder: Path) -> sqlite3.Connection:
    migration.prepare(folder)
    return close_later(database.connect(folder))


def test_who_looks_beside_a_simulated_hub_goes_by_its_clock(tmp_path: Path) -> None:
    connection = connected(tmp_path)
    own = hub_clock(Settings.model_validate(SIMULATED), connection).now()
    beside = clock_beside(Settings(), connection, running=True).now()
    assert abs(beside - own) < 600_000  # a real second


def test_simulated_time_stands_while_no_hub_runs(tmp_path: Path) -> None:
    connection = connected(tmp_path)
    hub_clock(Settings.model_validate(SIMULATED), connection)
    counters.set_meta(connection, "alive_at", "1780300000000")
    beside = clock_beside(Settings(), connection, running=False).now()
    assert 0 <= beside - 1_780_300_000_000 < 60_000


def test_a_hub_in_real_time_ends_the_simulated_one(tmp_path: Path) -> None:
    connection = connected(tmp_path)
    hub_clock(Settings.model_validate(SIMULATED), connection)
    hub_clock(Settings(), connection)
    beside = clock_beside(Settings(), connection, running=True).now()
    assert abs(beside - Clock().now()) < 60_000


def test_the_first_command_of_a_simulated_hub_remembers_when_time_began(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSORHUB_CLOCK__START", "2026-06-01T00:00:00Z")
    monkeypatch.setenv("SENSORHUB_CLOCK__SPEED", "600")
    code, said, error = run("fleet", "list", "--json")
    assert (code, error) == (0, "")
    assert [row["asset"] for row in json.loads(said)] == ["bin-1"]
