"""Statistics of curves that were made to have them, and of traces."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from firmware_sim.cli import app
from firmware_sim.output.trace import write_trace
from firmware_sim.reality import distances
from firmware_sim.reality.compare import TraceGroup, measure_curves, rows
from firmware_sim.reality.curves import FillCurve, curves_of, real_curves, trace_curves
from firmware_sim.reality.measures import emptyings, measure
from firmware_sim.scenario import load
from tests.quality.real.__main__ import EXCERPT

ONE_HOUR = 3_600_000
DAYS = 21
HOURS = np.arange(24.0 * DAYS)


def saw(by_hour: np.ndarray) -> FillCurve:
    """Rises by so much in each hour of the week, emptied each Monday at 0 h."""
    grown = np.cumsum(np.tile(by_hour, DAYS // 7)).reshape(-1, 168)
    before = grown - grown[:, :1]
    return FillCurve(HOURS, before.reshape(-1))


def test_emptyings_repeats_and_gaps_are_found() -> None:
    fill = np.array([80.0] * 20 + [5.0] * 20)
    curve = FillCurve(np.delete(np.arange(40.0), 10), np.delete(fill, 10))
    told = measure(curve, 1).figures
    assert told["fill before an emptying, %"] == 80
    assert told["size of an emptying, 50 % of them below"] == 75
    assert told["share of repeats"] == pytest.approx(37 / 38)
    assert told["share missing"] == pytest.approx(1 / 40)


def test_profiles_are_those_that_the_curve_was_made_of() -> None:
    day = np.where(np.arange(24) >= 12, 1.0, 0.0)
    week = np.concatenate([day * (2 if weekday == 5 else 1) for weekday in range(7)])
    found = measure(saw(np.roll(week, 1) * 0.5), 1)
    assert found.day == pytest.approx(2 * day, abs=0.05)
    assert found.week[5] == pytest.approx(2 * found.week[2], rel=0.02)
    assert found.rises.mean() == pytest.approx(1)
    assert found.figures["rise a day, points"] == pytest.approx(0.5 * 96 / 7, rel=0.1)


@pytest.mark.parametrize("lift", [24.0, 26.0])
def test_an_emptying_is_a_fall_of_25(lift: float) -> None:
    before, after = emptyings(np.array([30 + lift] * 9 + [30.0] * 9))
    assert (before - after).tolist() == ([lift] if lift >= 25 else [])


def test_curves_are_thinned_and_local() -> None:
    march = 1_774_742_400_000  # 2026-03-29 00:00 UTC: summer time begins at 1 h
    readings = {"a": {march + i * ONE_HOUR: 1.0 * i for i in range(30)}}
    (curve,) = curves_of(readings, "Europe/Prague")
    assert (curve.hours[:3] % 24).tolist() == [1, 3, 4]
    assert np.diff(curve.thinned(6).hours).min() >= 5


@pytest.mark.slow  # a town of days
@pytest.mark.parametrize("name", ["default", "harsh"])
def test_a_trace_with_garbage_and_lost_clocks_is_read(
    name: str, tmp_path: Path
) -> None:
    sizes = {"town.bins": 20, "town.toilets": 0, "town.days": 8}
    write_trace(name, load(name, dict(sizes)), 1, tmp_path)
    curves = trace_curves(tmp_path)
    assert len(curves) == 20
    assert all(np.ptp(curve.hours) < 24 * 9 for curve in curves)
    ours = measure_curves(curves, 3)
    assert 0 < ours.median("share missing") < 0.6
    assert len(rows(ours, [TraceGroup(name, [ours, ours])])[0]) == 3


@pytest.mark.slow  # a town of days
def test_the_excerpt_is_read_and_drawn(tmp_path: Path) -> None:
    assert len(real_curves(EXCERPT, "Europe/Prague")) == 6
    sizes = {"town.bins": 4, "town.toilets": 0, "town.days": 15}
    write_trace("default", load("default", dict(sizes)), 1, tmp_path / "a")
    words = ["reality", "--curves", str(EXCERPT), "--trace", f"ours={tmp_path / 'a'}"]
    told = [
        CliRunner().invoke(app, [*words, "--pictures", str(tmp_path / where)])
        for where in ("one", "two")
    ]
    assert [t.exit_code for t in told] == [0, 0], told[0].output
    assert "| figure | real (quartiles) | ours |" in told[0].output
    for name in ("reality-profiles.svg", "reality-distributions.svg"):
        made = [(tmp_path / where / name).read_bytes() for where in ("one", "two")]
        assert made[0] == made[1]
        assert 0 < len(made[0]) < 150_000


@pytest.mark.parametrize(
    "payload", [b'{"ts":1,"m":{"dist', b"\xff\x00", b"[]", b'{"m":3}', b"7"]
)
def test_garbage_has_no_distance(payload: bytes) -> None:
    assert list(distances(payload)) == []
