"""Statistics of curves that were made to have them."""

import pytest

from firmware_sim.reality import statistics


def test_emptyings_repeats_and_gaps_are_found() -> None:
    fills = [80.0] * 20 + [5.0] * 20
    curve = [(hour * 3_600_000, fill) for hour, fill in enumerate(fills)]
    del curve[10]
    told = statistics([curve])
    assert told["fill before an emptying, %"] == 80
    assert told["size of an emptying, points"] == 75
    assert told["share of repeats"] == pytest.approx(37 / 38, abs=1e-4)
    assert told["share missing"] == pytest.approx(1 / 40, abs=1e-4)
