"""rules.toml: what may stand in it, and every fault at once, each with its place."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.config.schema import parse_duration
from sensorhub.errors import ConfigError
from sensorhub.rules.schema import RESERVED, parse_rules, read_rules
from tests.support.town import SHIPPED, UP, rule_settings

WARN = {"severity": "warning", "raise": 80, "clear": 70}
URGENT = {"severity": "urgent", "raise": 90, "clear": 80}


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("10m", 600_000),
        ("1.5h", 5_400_000),
        ("7d", 604_800_000),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, ms: int) -> None:
    assert parse_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["", "10", "10 m", "-1m", "1w", "m", "1h30m", 600, None]
)
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"id": "a b"}, "match pattern"),
        ({"kind": "forecast"}, "kind"),
        ({"category": "x"}, "category"),
        ({"measurement": "fullness"}, "no such measurement"),
        ({"measurement": None}, "threshold needs a measurement"),
        ({"levels": []}, "at least 1"),
        ({"levels": [WARN, WARN]}, "stands twice"),
        ({"levels": [WARN, {"severity": "device", "raise": 9}]}, "never mixes"),
        ({"levels": [WARN | {"clear": 81}]}, "wrong side"),
        ({"levels": [WARN | {"clear": 79}], "direction": "below"}, "wrong side"),
        ({"levels": [WARN, URGENT | {"raise": 80}]}, "raised later"),
        ({"levels": [WARN | {"raise": float("inf")}]}, "finite"),
        ({"levels": [WARN | {"clear": float("nan")}]}, "finite"),
        ({"k": 3, "n": 2}, "never be met"),
        ({"n": 33}, "less than or equal to 32"),
        ({"hold": 600}, "a duration is text"),
        ({"colour": "red"}, "colour"),
        ({"select": {"kinds": ["can"]}}, "select.kinds"),
        ({"schedule": {"from": 8}}, "a time of day"),
        ({"schedule": {"from": "08:00Z"}}, "without zone"),
        ({"schedule": {"timezone": "China"}}, "no such time zone"),
        ({"schedule": {"weekdays": []}}, "at least 1"),
        ({"text": {"zh-CN": "{x}", "en": "y"}}, "may be in braces"),
        ({"text": {"zh-CN": "{asset.name}", "en": "y"}}, "may be in braces"),
        ({"text": {"en": "only English"}}, "zh-CN"),
        ({"kind": "count_since"}, "needs a counter"),
        ({"kind": "overdue"}, "takes no measurement"),
        ({"kind": "overdue", "measurement": None, "hold": "5m"}, "takes no hold"),
        ({"kind": "no_data", "measurement": None, "k": 1}, "takes no k"),
        (
            {"kind": "no_data", "measurement": None, "levels": [WARN, URGENT]},
            "has one level",
        ),
        ({"at_least": "3h"}, "takes no at_least"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_in_words(
    keys: dict[str, Any], what: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        rule_settings(**keys)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        {"levels": [URGENT, WARN]},  # the order does not matter
        {"levels": [WARN | {"clear": 80}]},
        {"levels": [{"severity": "danger", "raise": 80}]},
        {"levels": [WARN | {"clear": 85}], "direction": "below"},
        {"kind": "count_since", "measurement": "count_in"},
        {"kind": "rate", "levels": [{"severity": "warning", "raise": 30}]},
        {"kind": "overdue", "measurement": None, "schedule": {"from": "08:00"}},
        {"kind": "no_data", "measurement": None, "intervals": 2, "at_least": "1h"},
    ],
)
def test_what_can_be_meant_is_taken(keys: dict[str, Any]) -> None:
    rule_settings(**keys)


def test_all_faults_are_told_at_once_under_their_rules() -> None:
    text = (
        UP.replace("80, clear = 70", "80, clear = 90")
        + UP.replace('"full"', '"other"').replace("fill_level", "fullness")
        + UP.replace('"full"', '"third"').replace("raise = 90", "raise = nan")
        + UP
        + '[[inhibit]]\nsource = "nobody"\ntargets = ["full"]\n'
        + '[[inhibit]]\nsource = "full"\ntargets = []\n'
    )
    with pytest.raises(ConfigError) as caught:
        parse_rules(text, "my.toml")
    assert {fault.file for fault in caught.value.faults} == {"my.toml"}
    found = {
        (fault.where, " ".join(fault.what.split()[:3])) for fault in caught.value.faults
    }
    assert found == {
        ("rule full", "this id stands"),
        ("rule full", "level warning: clear"),
        ("rule other, measurement", "no such measurement;"),
        ("rule third, levels.1.raise", "Input should be"),
        ("inhibit.0", "no such rule:"),
        ("inhibit.1.targets", "Tuple should have"),
    }


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(ConfigError, match=r"rules\.toml: syntax: .*line 2"):
        parse_rules("[[rules]]\nid = a", "rules.toml")


@pytest.mark.parametrize(
    "text", ["rules = 3", "[rules]\nid = 1", "rules = [3]", "a = 1"]
)
def test_tables_of_another_shape_are_faults_and_never_exceptions(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rules(text)


def test_the_hubs_own_alerts_keep_their_names() -> None:
    assert SYSTEM_RULES.keys() == RESERVED
    with pytest.raises(ConfigError, match="kept for the hub's own"):
        parse_rules(UP.replace('"full"', '"hub_clock"'))


def test_no_rules_at_all_are_sound(tmp_path: Path) -> None:
    assert read_rules(tmp_path) == ""
    assert parse_rules("").rules == ()


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        read_rules(tmp_path)


def test_the_shipped_rules_are_sound_and_speak_both_languages() -> None:
    book = parse_rules(SHIPPED)
    assert len(book.rules) >= 13
    assert all(any("\u4e00" <= c <= "\u9fff" for c in r.text.zh) for r in book.rules)
    assert all(r.text.en.isascii() for r in book.rules)


def test_a_rule_replaces_only_rules_that_are_gone() -> None:
    text = UP.replace("text =", 'replaces = ["other"]\ntext =')
    assert parse_rules(text).rules[0].replaces == ("other",)
    with pytest.raises(ConfigError, match="still a rule"):
        parse_rules(text.replace('"other"', '"full"'))
