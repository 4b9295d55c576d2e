"""Statistics of curves that were made to have them."""

from pathlib import Path

import pytest

from firmware_sim.reality import distances, statistics, trace_curves
from firmware_sim.scenario import load
from firmware_sim.trace import write_trace


def test_emptyings_repeats_and_gaps_are_found() -> None:
    fills = [80.0] * 20 + [5.0] * 20
    curve = [(hour * 3_600_000, fill) for hour, fill in enumerate(fills)]
    del curve[10]
    told = statistics([curve])
    assert told["fill before an emptying, %"] == 80
    assert told["size of an emptying, points"] == 75
    assert told["share of repeats"] == pytest.approx(37 / 38, abs=1e-4)
    assert told["share missing"] == pytest.approx(1 / 40, abs=1e-4)


@pytest.mark.parametrize("name", ["default", "harsh"])
def test_a_trace_with_garbage_is_read(name: str, tmp_path: Path) -> None:
    sizes = {"town.bins": 20, "town.toilets": 0, "town.days": 8}
    write_trace(name, load(name, dict(sizes)), 1, tmp_path)
    curves = trace_curves(tmp_path)
    assert len(curves) == 20
    assert 0 < statistics(curves.values())["share missing"] < 0.6


@pytest.mark.parametrize(
    "payload", [b'{"ts":1,"m":{"dist', b"\xff\x00", b"[]", b'{"m":3}', b"7"]
)
def test_garbage_has_no_distance(payload: bytes) -> None:
    assert list(distances(payload)) == []
