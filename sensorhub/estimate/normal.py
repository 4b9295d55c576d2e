"""The normal distribution for columns.

`tail` by Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: an
absolute error below 1e-7, which no alert can tell from none.
"""

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
_A = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
_P = 0.3275911
ROOT_2 = 2.0**0.5
ROOT_2PI = (2 * np.pi) ** 0.5


def density(x: F64, variance: F64) -> F64:
    """The density at `x` of a normal variable with mean 0."""
    found: F64 = np.exp(-0.5 * x * x / variance) / (ROOT_2PI * np.sqrt(variance))
    return found


def tail(z: F64) -> F64:
    """The chance that a standard normal variable exceeds `z`."""
    x = np.abs(z) / ROOT_2
    t = 1.0 / (1.0 + _P * x)
    half = np.zeros_like(t)
    for a in reversed(_A):
        half = (half + a) * t
    half *= 0.5 * np.exp(-x * x)
    return np.where(z > 0, half, 1.0 - half)
