"""Tests of rules: the shipped ones, what makes a test fail, and what it may say."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from sensorhub.backtest.virtual import LoadedConfig
from sensorhub.cli.main import app
from sensorhub.config.settings import Settings
from sensorhub.errors import ConfigError
from sensorhub.rules.schema import parse_rules
from sensorhub.ruletests.book import (
    AssetSaid,
    Check,
    DeviceSaid,
    Expected,
    RuleTest,
    SampleSeries,
    ScriptedStep,
    load_tests,
)
from sensorhub.ruletests.judge import clock, judge
from sensorhub.ruletests.play import play
from sensorhub.ruletests.values import parse_values
from sensorhub.standards import built_in
from tests.support.town import SHIPPED, UP, profiles

CONFIG = Path(__file__).parents[2] / "config"
FILE = load_tests(CONFIG / "rules_test.toml")
KIT = LoadedConfig(CONFIG, Settings(), profiles(), built_in())
RULES = parse_rules(SHIPPED).rules


def passes(test: RuleTest, rules: str = SHIPPED) -> bool:
    return not judge(test, play(test, rules, KIT, CONFIG))


def of(rule: str) -> list[RuleTest]:
    """The shipped tests that look at a rule."""
    return [t for t in FILE.tests if rule in t.watch or not t.watch]


WEEKS = "bin_full: slow"  # tests that hold weeks of readings begin so


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(
            test,
            id=test.name[:60],
            marks=[pytest.mark.slow] if test.name.startswith(WEEKS) else [],
        )
        for test in FILE.tests
    ],
)
def test_the_shipped_rules_pass_their_own_tests(test: RuleTest) -> None:
    moved = play(test, SHIPPED, KIT, CONFIG)
    assert judge(test, moved) == []


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_every_shipped_rule_has_tests_that_it_fires_and_ends(rule: str) -> None:
    said = [x for t in of(rule) for x in t.expect or () if x.rule == rule]
    words = {level.severity for r in RULES if r.id == rule for level in r.levels}
    assert {x.becomes for x in said} == words | {"resolved"}


def block(rule: str) -> str:
    """A rule's own part of the shipped file."""
    parts = re.split(r"(?m)^(?=\[\[)", SHIPPED)
    return next(part for part in parts if f'id = "{rule}"' in part)


def spoiled(rule: str) -> dict[str, str]:
    """Ways to spoil a rule, each of which its tests have to notice."""
    text = block(rule)
    found = {"gone": ""}
    if "\nselect" in text and "standard =" not in text:
        found["everywhere"] = re.sub(r"select = .*\n", "", text)
    if "\nhold" in text:
        found["at once"] = re.sub(r"(?m)^hold = .*\n", "", text)
    if "\nn = " in text:
        found["one sample"] = re.sub(r"(?m)^[kn] = .*\n", "", text)
    if 'kind = "group"' in text:  # coarse shares: see test_group_no_data.py
        return found
    for number in re.findall(r"raise = ([\d.]+)", text):
        less = float(number) * (1.08 if 'direction = "below"' in text else 0.99)
        if number not in "01":  # flags have no half
            found[f"sooner than {number}"] = text.replace(
                f"raise = {number}", f"raise = {less:.4g}", 1
            )
    for number in re.findall(r"clear = ([\d.]+)", text):
        later = float(number) * (1.05 if 'direction = "below"' in text else 0.9)
        found[f"clears later than {number}"] = text.replace(
            f"clear = {number}", f"clear = {later:.4g}", 1
        )
    if "intervals = 8" in text:
        found["seven intervals"] = text.replace("intervals = 8", "intervals = 7")
        found["one hour"] = text.replace('at_least = "2h"', 'at_least = "1h"')
    return found


@pytest.mark.slow  # weeks of readings, again for each way to spoil a rule
@pytest.mark.parametrize(
    ("rule", "how"),
    [(r.id, how) for r in RULES for how in spoiled(r.id)],
)
def test_a_spoiled_rule_fails_its_tests(rule: str, how: str) -> None:
    rules = SHIPPED.replace(block(rule), spoiled(rule)[how])
    if how == "gone":
        rules = re.split(r"(?m)^\[\[inhibit\]\]", rules)[0]
    assert not all(passes(test, rules) for test in of(rule))


# -- values --


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("20", [20]),
        ("20x3", [20, 20, 20, 20]),
        ("10+5x6", [10, 15, 20, 25, 30, 35, 40]),
        ("10 + 5x2", [10, 15, 20]),
        ("40-2.5x2 7", [40, 37.5, 35, 7]),
        ("-3 _ 4", [-3, None, 4]),
        ("1 _x3 2", [1, None, None, None, 2]),
        ("0.1+0.1x2", [0.1, 0.2, 0.3]),
    ],
)
def test_values_in_short(text: str, values: list[float | None]) -> None:
    assert parse_values(text) == values


@pytest.mark.parametrize("text", ["x", "10+5", "1,2", "5x", "10++5x2", "1x9999999 1"])
def test_values_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"values look like|how many more|more than"):
        parse_values(text)


# -- files --

ASSETS = 'assets = [{ id = "bin-1" }]\n'
SERIES = (
    'series = [{ asset = "bin-1", measurement = "fill_level", values = "60 85 60" }]\n'
)
RIGHT = 'expect = [{ at = "10m", rule = "full", asset = "bin-1", becomes = "warning" },'
RIGHT += '{ at = "20m", rule = "full", asset = "bin-1", becomes = "resolved" }]\n'


def folder(tmp_path: Path, body: str, rules: str = UP) -> list[str]:
    (tmp_path / "rules.toml").write_text(rules, "utf-8")
    file = tmp_path / "test.toml"
    file.write_text('rules = "rules.toml"\n[[tests]]\nname = "t"\n' + body, "utf-8")
    return ["rules", "test", str(file), "--config", str(tmp_path)]


def test_a_passing_file_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, folder(tmp_path, ASSETS + SERIES + RIGHT))
    assert done.exit_code == 0, done.output
    assert done.output.endswith("1 passed, 0 failed\n")


def test_a_failing_test_shows_expected_found_and_the_time_line(tmp_path: Path) -> None:
    wrong = RIGHT.replace('"10m"', '"0s"')
    done = CliRunner().invoke(app, folder(tmp_path, ASSETS + SERIES + wrong))
    assert done.exit_code == 1
    assert "0:00:00  full bin-1: expected warning, found nothing" in done.output
    assert "0:10:00  full bin-1: expected nothing, found warning" in done.output
    assert "0:10:00  fill_level 85" in done.output
    assert "0:10:00  full becomes warning" in done.output


@pytest.mark.parametrize(
    ("at", "is_", "code"),
    [
        ("9m", "none", 0),
        ("10m", "warning", 0),
        ("25m", "none", 0),
        ("15m", "urgent", 1),
    ],
)
def test_a_check_looks_at_one_moment(
    tmp_path: Path, at: str, is_: str, code: int
) -> None:
    check = (
        f'checks = [{{ at = "{at}", rule = "full", asset = "bin-1", is = "{is_}" }}]'
    )
    done = CliRunner().invoke(app, folder(tmp_path, ASSETS + SERIES + check))
    assert done.exit_code == code, done.output


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (ASSETS + SERIES, "nothing is expected"),
        (ASSETS + SERIES.replace("60 85 60", "60 8x") + RIGHT, "values look like"),
        (ASSETS + SERIES.replace("bin-1", "bin-9") + RIGHT, "no such asset: 'bin-9'"),
        (ASSETS + SERIES.replace("fill_level", "filth") + RIGHT, "no such measurement"),
        (ASSETS + RIGHT + "stpes = []", "stpes: unknown key"),
        (ASSETS + RIGHT + 'steps = [{ at = "1m", do = "clock" }]', "clock needs by"),
        (ASSETS + RIGHT + 'start = "2026-01-01T00:00:00"', "needs its time zone"),
        (ASSETS + RIGHT.replace('"full"', '"fall"'), "no such rule: 'fall'"),
        (ASSETS + RIGHT + 'watch = ["hot"]', "not in watch"),
    ],
)
def test_what_is_unsound_in_a_file_is_named(
    tmp_path: Path, body: str, what: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(what)):
        CliRunner().invoke(app, folder(tmp_path, body), catch_exceptions=False)


def test_rules_can_change_and_devices_can_be_wrong_about_the_time(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.toml").write_text(UP.replace('"full"', '"filled"'), "utf-8")
    body = (
        ASSETS
        + """
series = [
  { asset = "bin-1", measurement = "fill_level", values = "85x1 60 85", clock = "-3h" },
]
steps = [{ at = "25m", do = "rules", file = "other.toml" }]
expect = [
  { at = "0s", rule = "full", asset = "bin-1", becomes = "warning" },
  { at = "20m", rule = "full", asset = "bin-1", becomes = "resolved" },
  { at = "30m", rule = "filled", asset = "bin-1", becomes = "warning" },
]
"""
    )
    done = CliRunner().invoke(app, folder(tmp_path, body))
    assert done.exit_code == 0, done.output


def test_the_example_of_the_page_passes(tmp_path: Path) -> None:
    page = (CONFIG.parent / "docs" / "trying-rules.md").read_text("utf-8")
    (tmp_path / "rules.toml").write_text(SHIPPED, "utf-8")
    file = tmp_path / "test.toml"
    file.write_text(page.split("```ini\n")[1].split("```")[0], "utf-8")
    line = ["rules", "test", str(file), "--config", str(CONFIG)]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 0, done.output


def test_every_key_of_a_test_is_explained() -> None:
    page = (CONFIG.parent / "docs" / "trying-rules.md").read_text("utf-8")
    models: list[type[BaseModel]] = [
        RuleTest,
        AssetSaid,
        DeviceSaid,
        SampleSeries,
        ScriptedStep,
        Expected,
        Check,
    ]
    keys = {f.alias or n for m in models for n, f in m.model_fields.items()}
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


def test_offsets_are_shown_as_a_clock() -> None:
    assert [clock(ms) for ms in (0, 61_000, 3_600_000, 90_061_250)] == [
        "0:00:00",
        "0:01:01",
        "1:00:00",
        "25:01:01.250",
    ]
