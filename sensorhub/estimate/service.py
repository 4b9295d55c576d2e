"""Seeing a collection in the fill level: the simple rule of the first version.

A drop of at least 30 points that ends below 30 % is an emptying.
"""

import numpy as np
from numpy.typing import NDArray

DROP = 30.0
BELOW = 30.0


def is_emptying(before: float, after: float) -> bool:
    """Whether two fill levels (%) in a row show an emptying."""
    return before - after >= DROP and after < BELOW


def emptyings(
    before: NDArray[np.float64], after: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """`is_emptying` for columns; NaN before is none."""
    return (before - after >= DROP) & (after < BELOW)
