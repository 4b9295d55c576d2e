"""Rules change while the hub runs: versions, what is kept, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sensorhub.cli.main import app
from sensorhub.errors import ConfigError
from sensorhub.hub.rules_watcher import RulesWatcher
from sensorhub.rules.diff import changes
from sensorhub.rules.schema import parse_rules
from sensorhub.store import rule_versions
from sensorhub.store.hot import counters
from tests.support.town import FIRE, MINUTE, UP, Town

WARNING = '  {severity = "warning", raise = 80, clear = 70},\n'
URGENT = '  {severity = "urgent", raise = 90, clear = 80},\n'


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path, UP + FIRE)


def rules(town: Town, text: str) -> dict[str, Any]:
    return town.act("rules_apply", text=text)


def reasons(town: Town) -> list[str]:
    views = town.alerts()
    return [view["transitions"][-1]["cause"].get("reason", "") for view in views]


def authors(town: Town) -> list[str]:
    return [row.author for row in rule_versions.listing(town.hub.connection)]


# -- versions --


def test_rules_of_an_operator_hold_at_once_and_the_same_again_is_no_version(
    town: Town,
) -> None:
    town.up("d1", fill_level=85, temperature=45)
    assert rules(town, UP) == {"version": 2, "changed": True}
    assert town.open() == {("full", "bin-1"): "warning"}
    assert reasons(town) == ["", "rule_removed"] or reasons(town) == [
        "rule_removed",
        "",
    ]
    assert rules(town, UP) == {"version": 2, "changed": False}
    assert authors(town) == ["file", "wang"]


def test_going_back_is_a_version_of_its_own(town: Town) -> None:
    rules(town, UP)
    assert town.act("rules_rollback", version=1) == {"version": 3, "changed": True}
    rows = rule_versions.listing(town.hub.connection)
    assert rows[2].text == rows[0].text
    assert rows[2].note == "back to version 1"
    assert "no version 9" in town.act("rules_rollback", version=9)["error"]


def test_unsound_rules_change_nothing(town: Town) -> None:
    town.up("d1", fill_level=85)
    before = town.alerts()
    assert "faults" in rules(town, UP.replace("raise = 80", "raise = 99"))
    assert (town.alerts(), authors(town)) == (before, ["file"])
    assert (
        "stands for rules.toml" in town.act("rules_apply", by="file", text=UP)["error"]
    )


def test_a_kill_between_version_and_result_makes_one_version(town: Town) -> None:
    """The act is asked for again, as `waiting` would after a kill."""
    rules(town, UP)
    town.kill()
    assert rules(town, UP) == {"version": 2, "changed": False}
    assert authors(town) == ["file", "wang"]


# -- what becomes of open alerts --


def test_a_hold_goes_on_across_a_change_of_another_rule(tmp_path: Path) -> None:
    held = UP.replace("text =", 'hold = "10m"\ntext =')
    town = Town(tmp_path, held)
    town.up("d1", fill_level=85)
    rules(town, held + FIRE)
    town.up("d1", 10 * MINUTE, fill_level=85)
    assert town.open() == {("full", "bin-1"): "warning"}


def test_an_alert_whose_severity_is_gone_ends_with_its_rule(town: Town) -> None:
    town.up("d1", fill_level=85)
    rules(town, UP.replace(WARNING, ""))
    assert town.open() == {}
    assert reasons(town) == ["rule_removed"]
    town.up("d1", MINUTE, fill_level=95)
    assert town.open() == {("full", "bin-1"): "urgent"}


def test_an_alert_whose_severity_is_gone_falls_to_the_one_below(town: Town) -> None:
    town.up("d1", fill_level=95)
    rules(town, UP.replace(URGENT, ""))
    assert town.open() == {("full", "bin-1"): "warning"}
    town.up("d1", MINUTE, fill_level=60)
    assert town.open() == {}


def test_levels_of_other_severities_do_not_raise_by_themselves(town: Town) -> None:
    town.up("d1", fill_level=85)
    text = UP.replace('"urgent"', '"danger"').replace('"warning"', '"urgent"')
    rules(town, text)
    assert town.open() == {}
    town.up("d1", MINUTE, fill_level=86)
    assert town.open() == {("full", "bin-1"): "urgent"}


def test_a_rule_that_looks_at_something_else_ends_its_alerts(town: Town) -> None:
    town.up("d1", fill_level=85)
    rules(town, UP.replace("fill_level", "humidity"))
    assert town.open() == {}
    assert reasons(town) == ["rule_removed"]


# -- the file --


class Watched:
    """rules.toml beside a town, and looks at it."""

    def __init__(self, town: Town, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "rules.toml"
        self.path.write_text(UP + FIRE, "utf-8")
        self.town = town
        self.file = RulesWatcher(folder, town.hub, town.commands)
        self.file.read()
        self.time = 0.0

    def look(self) -> None:
        self.time += 1.0
        self.file.watch(self.time)

    def write(self, text: str) -> None:
        """Write, and look often enough."""
        self.path.write_text(text, "utf-8")
        self.look()
        self.look()

    def refused(self) -> list[str]:
        found = counters.get_meta(self.town.hub.connection, "rules_refused")
        refused: list[str] = json.loads(found or "[]")
        return refused


@pytest.fixture
def watched(town: Town, tmp_path: Path) -> Watched:
    return Watched(town, tmp_path / "config")


def test_a_changed_file_is_taken_once_it_stands_still(watched: Watched) -> None:
    town = watched.town
    town.up("d1", fill_level=85, temperature=45)
    watched.look()
    assert authors(town) == ["file"]
    watched.path.write_text(UP[:100], "utf-8")  # half written
    watched.look()
    watched.path.write_text(UP, "utf-8")
    watched.look()
    assert authors(town) == ["file"]
    watched.look()
    assert authors(town) == ["file", "file"]
    assert town.open() == {("full", "bin-1"): "warning"}
    watched.look()
    watched.look()
    assert authors(town) == ["file", "file"]


def test_an_unsound_file_is_told_and_the_old_rules_go_on(watched: Watched) -> None:
    town = watched.town
    town.up("d1", fill_level=85)
    watched.write(UP.replace("raise = 80", "raise = 99"))
    assert town.open() == {
        ("full", "bin-1"): "warning",
        ("rules_refused", "hub"): "urgent",
    }
    assert len(watched.refused()) == 1
    assert "rule full" in watched.refused()[0]
    watched.write("[")
    assert "syntax" in watched.refused()[0]
    watched.write(UP)
    assert town.open() == {("full", "bin-1"): "warning"}
    assert watched.refused() == []
    assert len(authors(town)) == 2


def test_a_file_that_is_gone_says_nothing(watched: Watched) -> None:
    watched.path.unlink()
    watched.look()
    watched.look()
    watched.file.read()
    assert authors(watched.town) == ["file"]


def test_what_somebody_applied_stays_until_the_file_changes(watched: Watched) -> None:
    town = watched.town
    rules(town, UP)
    RulesWatcher(watched.path.parent, town.hub, town.commands).read()  # a restart
    assert authors(town) == ["file", "wang"]
    watched.write(UP + FIRE + "\n")
    assert authors(town) == ["file", "wang", "file"]


# -- the command line --


@pytest.fixture
def place(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "rules.toml").write_text(UP, "utf-8")
    (tmp_path / "new.toml").write_text(UP + FIRE, "utf-8")
    folders = {"--config": tmp_path / "config", "--data": tmp_path / "data"}
    return tuple(str(word) for pair in folders.items() for word in pair)


def said(place: tuple[str, ...], *words: str) -> Any:
    done = CliRunner().invoke(app, ["rules", *words, *place, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_command_line_applies_shows_and_goes_back(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    new = str(tmp_path / "new.toml")
    assert [rule["id"] for rule in said(place, "list")["rules"]] == ["full"]
    assert said(place, "diff", new)["removed"] == ["hot"]
    applied = said(place, "apply", new, "--by", "li", "--note", "summer")
    assert applied == {"version": 2, "changed": True}
    assert said(place, "show", "hot")["measurement"] == "temperature"
    assert said(place, "diff")["removed"] == ["hot"]  # rules.toml has it not
    assert said(place, "rollback", "1", "--by", "li")["version"] == 3
    history = said(place, "history")
    assert [(row["by"], row["changes"]) for row in history] == [
        ("file", ""),
        ("li", "+hot"),
        ("li", "-hot"),
    ]
    assert [row["note"] for row in history] == ["", "summer", "back to version 1"]
    assert said(place, "diff", "2", "3")["removed"] == ["hot"]
    for words in (["list"], ["history"], ["diff", "1", "2"], ["show", "full"]):
        done = CliRunner().invoke(app, ["rules", *words, *place])
        assert done.exit_code == 0, done.output
        assert done.stdout.strip()


def test_an_export_loads_to_the_same_rules(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out.toml"
    said(place, "export", "--out", str(out))
    assert parse_rules(out.read_text("utf-8")) == parse_rules(UP)
    assert said(place, "export")["text"] == UP


def test_an_unsound_file_is_not_applied(place: tuple[str, ...], tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(UP.replace("raise = 80", "raise = 99"), "utf-8")
    line = ["rules", "apply", str(bad), *place]
    with pytest.raises(ConfigError, match=r"bad\.toml: rule full"):
        CliRunner().invoke(app, line, catch_exceptions=False)
    assert len(said(place, "history")) == 1


def test_differences_are_told_key_by_key() -> None:
    other = UP.replace("raise = 80", "raise = 85")
    found = changes(
        UP + FIRE, other + '[[inhibit]]\nsource = "full"\ntargets = ["full"]'
    )
    assert (found.added, found.removed, found.inhibit) == ([], ["hot"], True)
    assert [(x.rule, x.key) for x in found.changed] == [("full", "levels")]
    assert found.words() == "-hot ~full ~inhibit"
    assert changes(UP, UP).none
