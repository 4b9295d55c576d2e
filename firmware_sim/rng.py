"""Chance that is the same everywhere: raw PCG64 integers through tables of our own.

No library distribution is used, so that one seed gives the same bytes under every
numpy; tables are rounded, so that the last bit of a processor's logarithm is no matter.
"""

import hashlib
import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
STEPS = 4096
_MOST = 200  # arrivals a draw, far beyond any rate that is used
_AT = (np.arange(STEPS + 1) + 0.5) / (STEPS + 1)
_NORMAL = np.array([round(NormalDist().inv_cdf(u), 9) for u in _AT.tolist()])
_EXPONENTIAL = np.array([round(-math.log1p(-u), 9) for u in _AT.tolist()])


class RandomStream:
    """Random numbers for one purpose: `RandomStream(seed, "deposits")`."""

    def __init__(self, *purpose: object) -> None:
        words = "/".join(map(str, purpose)).encode()
        seed = int.from_bytes(hashlib.sha256(words).digest()[:16], "little")
        self._bits = np.random.PCG64(seed)

    def uniform(self, n: int) -> F64:
        """`n` numbers in [0, 1), in steps of 2**-53."""
        raw = np.asarray(self._bits.random_raw(n), np.uint64)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, low: float, high: float, n: int) -> F64:
        """`n` numbers spread evenly over [low, high)."""
        return low + (high - low) * self.uniform(n)

    def normal(self, n: int) -> F64:
        """`n` numbers of the standard normal law, within 3.7."""
        return _read(_NORMAL, self.uniform(n))

    def exponential(self, n: int) -> F64:
        """`n` numbers of the exponential law with mean 1, up to 9."""
        return _read(_EXPONENTIAL, self.uniform(n))

    def gamma(self, halves: int, n: int) -> F64:
        """`n` numbers of the gamma law with shape `halves` / 2 and scale 1.

        A sum of exponentials; an odd half is half a squared normal.
        """
        total = np.zeros(n)
        for _ in range(halves // 2):
            total += self.exponential(n)
        if halves % 2:
            total += self.normal(n) ** 2 / 2
        return total

    def poisson(self, mean: F64) -> I64:
        """How many arrive, for each mean (inverse by the sum of terms)."""
        u = self.uniform(len(mean))
        term = np.exp(-mean)
        below = term.copy()
        count = np.zeros(len(mean), np.int64)
        for k in range(1, _MOST):
            more = u >= below
            if not more.any():
                break
            count += more
            term = term * mean / k
            below += term
        return count

    def happens(self, share: float | F64, n: int) -> NDArray[np.bool_]:
        """Which of `n` come to pass, each with probability `share`."""
        hit: NDArray[np.bool_] = self.uniform(n) < share
        return hit

    def lognormal(self, sigma: float, n: int) -> F64:
        """`n` factors around 1 (median) whose logarithm has sd `sigma`."""
        return np.asarray(np.round(np.exp(sigma * self.normal(n)), 9), np.float64)


def _read(table: F64, u: F64) -> F64:
    """The inverse distribution at `u`, linear between the table's points."""
    place = u * STEPS
    low = place.astype(np.int64)
    return table[low] + (table[low + 1] - table[low]) * (place - low)
