"""The scorer on small towns of which every number can be counted by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.score import ScoreError, score
from firmware_sim.score.hub_output import counted_alerts, read_alerts
from firmware_sim.score.oracle import by_due, by_horizon
from firmware_sim.score.truth import read_truth
from tests.support.scored_town import (
    HOUR,
    START,
    Line,
    alert,
    at,
    emptied,
    estimate,
    scored,
    town,
    write,
)


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        # at 72 h it is 72 % full; 28 h before it overflows
        (alert(72, 110), {"G1": 1, "G2": 0, "G3": 1, "G4": 1, "G5": 28, "alerts": 1}),
        # at 50 h it is neither 70 % nor full within a day
        (alert(50, 110), {"G1": 0, "G2": 1 / 7, "G3": 1, "G5": 50}),
        # at 98 h there are two hours left
        (alert(98, 110), {"G1": 1, "G3": 1, "G4": 0, "G5": 2}),
        (alert(101, 110), {"G1": 1, "G3": 0, "G5": None}),
        ([], {"G1": None, "G3": 0, "alerts_per_overflow": 0}),
        # other categories and kinds do not count
        (alert(72, 110, category="device"), {"alerts": 0}),
        (alert(72, 110, kind="overdue"), {"alerts": 0}),
        # one that begins while another is open is part of it
        ([*alert(72, 90), *alert(80, 110, rule="other")], {"alerts": 1, "G5": 28}),
        ([*alert(72, 90), *alert(95, 110)], {"alerts": 2, "G5": 28}),
        # told of the filling before, and still open
        (alert(112, None), {"G3": 0, "alerts": 1, "G1": 0}),
    ],
)
def test_alerts_to_collect(
    tmp_path: Path, alerts: list[Line], expected: dict[str, float | None]
) -> None:
    found = scored(tmp_path, alerts)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_an_alert_of_the_filling_before_tells_no_overflow(tmp_path: Path) -> None:
    truth = [*town(12), {"label": "overflow", "asset": "b", "at": at(210)}]
    found = scored(tmp_path, alert(72, None), truth=truth)
    assert (found["overflows"], found["G3"], found["G3_open_before"]) == (2, 0.5, 0.5)


def test_a_second_overflow_of_one_filling_is_none(tmp_path: Path) -> None:
    truth = [*town(8), {"label": "overflow", "asset": "b", "at": at(105)}]
    assert scored(tmp_path, [], truth=truth)["overflows"] == 1


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([emptied(110, 109, 111)], {"G6_precision": 1, "G6_recall": 1}),
        ([emptied(108, 109, 111)], {"G6_recall": 1}),  # two hours early
        ([emptied(107, 106, 108)], {"G6_precision": 0, "G6_recall": 0}),
        ([emptied(117, 109, 125)], {"G6_recall": 0, "G6_recall_by_bracket": 1}),
        (
            [emptied(110, 109, 111), emptied(112, 111, 113)],
            {"G6_precision": 0.5, "G6_recall": 1},
        ),
        ([], {"G6_precision": None, "G6_recall": 0}),
    ],
)
def test_emptyings(
    tmp_path: Path, seen: list[Line], expected: dict[str, float | None]
) -> None:
    found = scored(tmp_path, [], seen)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(("reports", "ok"), [(3, 1.0), (4, 0.0)])
def test_an_emptying_is_decided_in_time_within_three_reports(
    tmp_path: Path, reports: int, ok: float
) -> None:
    late = emptied(110, 109, 111) | {"decided_at": at(110 + reports)}
    told = [estimate(111 + n) for n in range(-2, 10)]
    assert scored(tmp_path, [], [*told, late])["G6_latency_ok"] == ok


def test_hours_to_full_against_what_would_have_come(tmp_path: Path) -> None:
    told = [
        estimate(80, hours_to_full=23, h10=19, h90=30, p_full_24h=1.0),  # true 20
        estimate(90, hours_to_full=10, h10=9, h90=9.5, p_full_24h=1.0),  # true 10
        estimate(60, hours_to_full=20, h10=15, h90=60, p_full_24h=0.5),  # true 40
        estimate(105, hours_to_full=1, p_full_24h=1.0),  # full already
    ]
    found = scored(tmp_path, [], told)
    expected = {
        "estimates": 3,
        "G7_median": 1.5,  # 3 and 0
        "G7_mae": 1.5,
        "G7_within6": 1,
        "G7s_mae": (3 + 0 + 20) / 3,  # the third said 20 h
        "G8": (3 + 0 + 20) / (20 + 10 + 40),
        "brier_24h": 0.25 / 3,
        "base_rate_24h": 2 / 3,
        "came_by_h10": 0,
        "came_by_h90": 2 / 3,
        "said_24h_5": 0.5,
        "came_24h_5": 0,
        "said_24h_9": 1,
        "came_24h_9": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("settling", [0.0, 0.002])
def test_a_forecaster_that_knows_what_comes_is_never_wrong(
    tmp_path: Path, settling: float
) -> None:
    truth = town(8)
    truth[1]["settling"] = settling
    fill = read_truth(write(tmp_path / "labels.jsonl", truth)).fills["b"]
    hours = range(110)
    exact = fill.hours_to_full(np.array(hours))
    told = [
        estimate(h, hours_to_full=float(x), p_full_24h=float(x <= 24))
        for h, x in zip(hours, exact.tolist(), strict=True)
        if x <= 72
    ]
    found = scored(tmp_path, [], told, truth)
    assert (found["G7_mae"], found["G8"], found["brier_24h"]) == (0, 0, 0)


def gas(values: list[float]) -> list[Line]:
    label = {"label": "gas", "asset": "w", "at": at(0), "step_s": 300, "nh3": values}
    return [*town(8), label]


def smell(begin: float, end: float) -> list[Line]:
    cause = {"measurement": "odour_rise"}
    return alert(begin, end, asset="w", category="clean", rule="t", cause=cause)


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        # foul from 1 h on, for 15 minutes full at 1 h 10 (the third value)
        (smell(1.25, 3), {"G10_recall": 1, "G10_within10": 1, "G10_false": 0}),
        (smell(1.5, 3), {"G10_recall": 1, "G10_within10": 0}),
        (smell(0.5, 3), {"G10_recall": 1, "G10_within10": 1}),
        (smell(5, 6), {"G10_recall": 0, "G10_false": 1 / 8, "G10_false_never_04": 0}),
        (smell(9, 10), {"G10_false": 1 / 8, "G10_false_never_04": 1 / 8}),
        ([], {"G10_recall": 0}),
    ],
)
def test_foul_air(
    tmp_path: Path, alerts: list[Line], expected: dict[str, float]
) -> None:
    values = [0.1] * 12 + [0.6] * 24 + [0.3] * 24 + [0.42] * 12 + [0.1] * 72
    found = scored(tmp_path, alerts, truth=gas(values))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_faults(tmp_path: Path) -> None:
    fault = {"label": "fault", "fault": "stuck", "asset": "b", "device": "d"}
    truth = [*town(8), fault | {"at": at(10), "until": at(60)}]
    truth.append(fault | {"at": at(100), "until": at(105)})  # too short to be told
    told = alert(20, 60, rule="sensor_stuck", category="device")
    wrong = alert(150, 160, rule="sensor_stuck", category="device")
    found = scored(tmp_path, [*told, *wrong], truth=truth)
    assert (found["G11_stuck_recall"], found["G11_stuck_precision"]) == (1, 0.5)
    assert found["G11_stuck_median_days"] == pytest.approx(10 / 24)


def test_the_oracle_tells_a_steady_bin_so_early_as_it_is_asked(tmp_path: Path) -> None:
    truth = read_truth(write(tmp_path / "labels.jsonl", town(8)))
    for hours in (3, 12, 24):
        first = by_horizon(truth, hours)[0]
        assert (first.begin - START) / HOUR == 100 - hours
        assert (first.end - START) / HOUR == 110
    assert (by_due(truth)[0].begin - START) / HOUR == 70


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations([alert(72, 90)[0], alert(72, 90)[1], *alert(95, 110)]))
def test_the_order_of_equal_lines_changes_nothing(
    tmp_path: Path, lines: list[Line]
) -> None:
    ordered = sorted(lines, key=lambda line: (line["at"], line["to"] == "resolved"))
    spans = counted_alerts(read_alerts(write(tmp_path / "a.jsonl", ordered)), "collect")
    assert [(s.begin, s.end) for s in spans["b"]] == [
        (START + 72 * HOUR, START + 90 * HOUR),
        (START + 95 * HOUR, START + 110 * HOUR),
    ]


@pytest.mark.parametrize(
    ("labels", "says"),
    [("", "no label town"), ("nonsense\n", "line 1"), ('{"label": "fill"}\n', "fill")],
)
def test_what_is_no_label_file_is_refused(
    tmp_path: Path, labels: str, says: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(labels)
    with pytest.raises(ScoreError, match=says):
        read_truth(path)


def test_the_command(tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.jsonl", town(8))
    alerts = write(tmp_path / "alerts.jsonl", alert(72, 110))
    words = ["score", "--labels", str(labels), "--warmup-days", "0", "--json"]
    said = CliRunner().invoke(app, [*words, "--alerts", str(alerts)])
    assert json.loads(said.stdout)["G1"] == 1
    said = CliRunner().invoke(app, [*words, "--oracle", "12"])
    assert json.loads(said.stdout)["G5"] == 12
    assert CliRunner().invoke(app, words).exit_code == 2


def test_at_the_edges_nothing_is_held_against_anybody(tmp_path: Path) -> None:
    """The outcome of the last hours is unknown; before the warm-up nothing counts."""
    late = {"label": "emptied", "asset": "b", "at": at(190), "before": 79, "after": 0}
    found = scored(tmp_path, alert(185, None), [], [*town(8), late])
    assert (found["alerts"], found["emptyings"]) == (0, 1)
    early = score(
        tmp_path / "labels.jsonl",
        write(tmp_path / "alerts.jsonl", []),
        write(tmp_path / "e.jsonl", [emptied(110, 109, 111)]),
        warmup_days=110.5 / 24,
    )
    assert (early["emptyings"], early["G6_precision"]) == (0, None)


def test_a_small_emptying_takes_no_match_of_a_real_one(tmp_path: Path) -> None:
    small = {"label": "emptied", "asset": "b", "at": at(108), "before": 5, "after": 0}
    found = scored(tmp_path, [], [emptied(110, 109, 111)], [*town(8), small])
    assert (found["G6_recall"], found["G6_precision"]) == (1, 1)
