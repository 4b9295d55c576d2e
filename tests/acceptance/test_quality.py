"""A small town through hub and scorer: the alerts keep being worth something.

Bounds are wide: one town of 40 bins for a month varies much. Seeds 0 and 1 gave G1 of
0.937 and 0.952, G6 of 1.0 and 0.995, 0.986 and 0.990; the published figures are those
of `make quality`.
"""

from typing import Any

import pytest

from tests.quality.one import HERE, command, scores, settings_of, trace
from tests.quality.one import Size as Town

SIZE = Town(bins=40, toilets=0, days=34)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("town")
    trace("default", 7, folder, days=SIZE.days, bins=SIZE.bins)
    config = settings_of("default", folder / "config")
    said = {}
    for who, rules in (
        ("hub", config / "rules.toml"),
        ("naive", HERE / "rules" / "naive.toml"),
    ):
        alerts, estimates = folder / f"{who}.jsonl", folder / "estimates.jsonl"
        words = ["--fleet", folder / "fleet.csv", "--config", config, "--out", alerts]
        words += ["--estimates", estimates, "--rounds", folder / "rounds.toml"]
        uplinks = folder / "uplinks.jsonl"
        command("sensorhub", "backtest", uplinks, *words, "--rules", rules)
        told = ("--alerts", alerts, "--estimates", estimates)
        said[who] = scores(folder, SIZE, *told)
    return said


@pytest.mark.slow
def test_alerts_are_due_and_overflows_are_told(found: dict[str, Any]) -> None:
    hub, naive = found["hub"], found["naive"]
    assert hub["G1"] > 0.85
    assert hub["G1"] > naive["G1"] + 0.2
    assert hub["G2"] < 0.02
    assert hub["G3"] is None or hub["G3"] > 0.7


@pytest.mark.slow
def test_emptyings_are_seen_and_hours_to_full_are_near(found: dict[str, Any]) -> None:
    hub = found["hub"]
    assert hub["G6_precision"] > 0.95
    assert hub["G6_recall"] > 0.94
    assert hub["brier_24h"] < 0.08
    assert hub["G7s_mae"] < 14
    assert 0.02 < hub["came_by_h10"] < 0.25
    assert 0.7 < hub["came_by_h90"] < 0.97


@pytest.mark.slow
def test_the_town_is_as_hard_on_naive_rules_as_measured(found: dict[str, Any]) -> None:
    """One reading over 80 %, in two models made apart from this one: G1 0.447 and
    0.535, G2 0.077 and 0.088, G3 0.960 and 0.977. One small town varies by a third."""
    naive = found["naive"]
    assert 0.35 < naive["G1"] < 0.7
    assert 0.05 < naive["G2"] < 0.12
    assert naive["G3"] is None or naive["G3"] > 0.9
