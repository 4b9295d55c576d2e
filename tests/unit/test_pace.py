"""A stall of the loop and a step of the clock are nobody's silence."""

import pytest

from sensorhub.hub.stall_detector import StallDetector

NOW = 1_772_000_000_000


@pytest.mark.parametrize(
    ("speed", "passed_s", "grown_s", "kept"),
    [
        (1, 0.25, 0.25, True),
        (1, 4.9, 4.9, True),
        (1, 5.0, 5.0, False),  # the loop stood
        (1, 0.25, 5.3, False),  # the clock was put forward
        (1, 0.25, -3600, True),  # put back: nobody is silent for longer
        (60, 0.25, 15, True),
        (60, 0.25, 20.5, False),
    ],
)
def test_the_pace_is_kept_or_not(
    speed: float, passed_s: float, grown_s: float, kept: bool
) -> None:
    pace = StallDetector(speed)
    assert pace.kept(100.0, NOW)
    assert pace.kept(100.0 + passed_s, NOW + int(grown_s * 1000)) is kept
