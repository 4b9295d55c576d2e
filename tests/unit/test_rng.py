"""Chance of our own making: laws as they should be, the same numbers for ever."""

import numpy as np
import pytest

from firmware_sim.rng import RandomStream

MANY = 100_000
PINNED_UNIFORM = [0.193104974561, 0.300767454207, 0.010766801737]
PINNED_NORMAL = [-0.035438835, -0.02455503]
PINNED_POISSON = [1, 3, 22]


def test_numbers_are_pinned() -> None:
    stream = RandomStream(1, "pinned")
    assert np.round(stream.uniform(3), 12).tolist() == PINNED_UNIFORM
    assert np.round(stream.normal(2), 9).tolist() == PINNED_NORMAL
    assert stream.poisson(np.array([0.1, 2.0, 30.0])).tolist() == PINNED_POISSON


def test_purposes_do_not_disturb_each_other() -> None:
    first = RandomStream(1, "a").uniform(5).tolist()
    assert first == RandomStream(1, "a").uniform(5).tolist()
    assert first != RandomStream(1, "b").uniform(5).tolist()
    assert first != RandomStream(2, "a").uniform(5).tolist()


@pytest.mark.parametrize(
    ("law", "mean", "variance"),
    [
        (lambda s: s.uniform(MANY), 0.5, 1 / 12),
        (lambda s: s.normal(MANY), 0.0, 1.0),
        (lambda s: s.exponential(MANY), 1.0, 1.0),
        (lambda s: s.gamma(3, MANY), 1.5, 1.5),
        (lambda s: s.gamma(18, MANY), 9.0, 9.0),
        (lambda s: s.poisson(np.full(MANY, 0.2)), 0.2, 0.2),
        (lambda s: s.poisson(np.full(MANY, 25.0)), 25.0, 25.0),
    ],
)
def test_laws_have_their_mean_and_variance(law, mean, variance) -> None:  # type: ignore[no-untyped-def]
    """Within five standard errors; tables cut the tails: 3 % of the variance."""
    drawn = law(RandomStream(7, "laws"))
    assert abs(drawn.mean() - mean) < 5 * (variance / MANY) ** 0.5
    assert drawn.var() == pytest.approx(variance, rel=0.03)
