"""Emptyings in the fill level."""

import numpy as np
import pytest

from sensorhub.estimate.service import emptyings, is_emptying


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        (90, 10, True),
        (60, 30, False),
        (59.9, 29.9, True),
        (50, 20.1, False),
        (10, 90, False),
        (float("nan"), 0, False),
    ],
)
def test_an_emptying_is_a_drop_of_thirty_points_to_below_thirty(
    before: float, after: float, seen: bool
) -> None:
    assert is_emptying(before, after) is seen
    columns = np.array([before], float), np.array([after], float)
    assert emptyings(*columns).tolist() == [seen]
