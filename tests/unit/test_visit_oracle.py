"""The oracles of alarms, on a bin with an even gain."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.score import ScoreError
from firmware_sim.score.truth import GroundTruth, read_truth
from firmware_sim.score.visit_oracle import by_habit, by_rounds, read_rounds
from tests.support.scored_town import HOUR, START, Line, at, town, write


def steady(
    folder: Path, per_hour: float, days: int, emptied: list[int], **place: object
) -> GroundTruth:
    """A bin with an even gain, % an hour, emptied at some hours."""
    lines: list[Line] = town(1)[:2]
    lines[0]["days"] = days
    lines[1] |= {"rate": 24 * per_hour} | place
    levels = [
        per_hour * (hour - max((x for x in emptied if x <= hour), default=0))
        for hour in range(24 * days)
    ]
    plain = {"label": "fill", "asset": "b", "at": at(0), "step_s": 3600}
    lines.append(plain | {"fill": levels, "gain": [per_hour] * len(levels)})
    plain = {"label": "emptied", "asset": "b", "before": 0.0}
    lines += [plain | {"at": at(hour)} for hour in emptied]
    return read_truth(write(folder / "labels.jsonl", lines))


ROUNDS = """
[[rounds]]
zone = "z"
kind = "bin"
tags = ["round-2"]
weekdays = ["wed", "fri"]
times = ["02:00"]

[[rounds]]
zone = "z"
kind = "bin"
tags = ["round-7"]
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
times = ["07:00"]

[[rounds]]
zone = "y"
kind = "bin"
tags = ["round-2"]
weekdays = ["mon"]
times = ["07:00"]
"""
WED, FRI, WED_NEXT = 50, 98, 218


@pytest.mark.parametrize(
    ("per_hour", "emptied", "expected"),
    [
        # 50 hours until Wednesday, 48 until Friday, then 120
        (1.1, [WED, FRI, WED_NEXT], [FRI]),
        # that it was missed is known when its hour is over
        (1.1, [FRI, WED_NEXT], [WED + 1, FRI]),
        (2, [WED, FRI, WED_NEXT], [0, FRI]),  # exactly 100 % by the round
        (0.8, [WED, FRI, WED_NEXT], []),
    ],
)
def test_the_oracle_of_rounds(
    tmp_path: Path, per_hour: float, emptied: list[int], expected: list[float]
) -> None:
    rounds = tmp_path / "rounds.toml"
    rounds.write_text(ROUNDS)
    truth = steady(tmp_path, per_hour, 10, emptied, zone="z", tags=["round-2"])
    found = by_rounds(truth, read_rounds(rounds))
    assert [(span.begin - START) / HOUR for span in found] == expected
    assert all(span.alarms()[0].begin == span.begin for span in found)


@pytest.mark.parametrize(
    ("emptied", "expected"),
    [
        # 80 hours at half a point: never full before a crew comes, and it always comes
        ([80, 248, 416], []),
        # two weeks of three: the chance that nobody comes is .33; full in a week
        ([80, 416], [33, 80 + 33, 416 + 33]),
    ],
)
def test_the_oracle_of_habits(
    tmp_path: Path, emptied: list[int], expected: list[float]
) -> None:
    truth = steady(tmp_path, 0.5, 21, emptied)
    assert [(span.begin - START) / HOUR for span in by_habit(truth)] == expected


@pytest.mark.parametrize("text", ["[[rounds]]\nzone = 1", "[[rounds", "rounds = [1]"])
def test_what_are_no_rounds_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rounds.toml"
    path.write_text(text)
    with pytest.raises(ScoreError, match="no rounds"):
        read_rounds(path)


def test_the_command_knows_the_oracles(tmp_path: Path) -> None:
    (tmp_path / "rounds.toml").write_text(ROUNDS)
    steady(tmp_path, 1, 10, [WED, FRI, WED_NEXT], zone="z", tags=["round-2"])
    words = ["score", "--labels", str(tmp_path / "labels.jsonl"), "--warmup-days", "0"]
    words += ["--json", "--oracle"]
    assert CliRunner().invoke(app, [*words, "habit"]).exit_code == 0
    assert CliRunner().invoke(app, [*words, "rounds"]).exit_code == 2
    rounds = ["--rounds", str(tmp_path / "rounds.toml")]
    said = CliRunner().invoke(app, [*words, "rounds", *rounds])
    assert json.loads(said.stdout)["alarms_judged"] == 1
    assert CliRunner().invoke(app, [*words, "never"]).exit_code == 2
