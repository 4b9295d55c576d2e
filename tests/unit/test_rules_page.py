"""docs/rules.md says what the code does: keys, examples, the shipped numbers."""

import re
from pathlib import Path

import pytest

from sensorhub.alerts.rule_track import RuleTrack
from sensorhub.alerts.system_rules import SYSTEM_RULES
from sensorhub.rules.schema import Inhibit, RuleSettings, parse_rules
from sensorhub.rules.schema_parts import RuleLevel, Schedule, Select
from tests.support.town import MINUTE, SHIPPED, rule

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
LADDER = [
    {"severity": "warning", "raise": 80, "clear": 70},
    {"severity": "urgent", "raise": 90, "clear": 80},
]
RULES = {
    "values": rule(levels=LADDER),
    "minutes": rule(
        levels=[{"severity": "warning", "raise": 80}], hold="10m", max_gap="30m"
    ),
}


@pytest.mark.parametrize("model", [RuleSettings, RuleLevel, Select, Schedule, Inhibit])
def test_every_key_is_explained(model: type[RuleSettings]) -> None:
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert [key for key in keys if f"`{key}`" not in PAGE] == []


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_its_example_is_sound(block: str) -> None:
    assert parse_rules(block).rules


@pytest.mark.parametrize("block", re.findall(r"\n```text\n(.*?)```", PAGE, re.DOTALL))
def test_its_lines_of_values_have_these_states(block: str) -> None:
    lines = {line.split()[0]: line.split()[1:] for line in block.splitlines()}
    of = RULES[block.split()[0]]
    minutes = [int(m) for m in lines.get("minutes", range(len(lines["values"])))]
    track, last, found = RuleTrack(len(of.limits)), minutes[0], []
    for minute, value in zip(minutes, lines["values"], strict=True):
        gap = (minute - last) * MINUTE > of.max_gap_for(0)
        track.evaluate(of, float(value), minute * MINUTE, gap)
        last = minute
        found.append(track.level(of).word[0] if track.level(of) else ".")
    assert found == lines["states"]


def test_the_shipped_rules_stand_there_with_their_limits() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", PAGE, re.MULTILINE))
    shipped = parse_rules(SHIPPED).rules
    assert len(shipped) > 10
    for settings in shipped:
        said = rows[settings.id]
        for level in settings.levels:
            assert level.severity in said, settings.id
            if level.raise_ > 1:
                assert f"{level.raise_:g}" in said, settings.id


def test_the_hubs_own_alerts_stand_there() -> None:
    assert [id_ for id_ in SYSTEM_RULES if f"| `{id_}` |" not in PAGE] == []
