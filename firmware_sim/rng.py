"""Reproducible random numbers: raw PCG64 integers and own tables of distributions.

No library distribution is used, so one seed gives the same numbers with every numpy
version; the tables are rounded, so the last bit of a logarithm does not matter.
"""

import hashlib
import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
STEPS = 4096
_MOST = 200  # largest Poisson count, far above any rate in use
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
        """Return `n` numbers in [0, 1), in steps of 2**-53."""
        raw = np.asarray(self._bits.random_raw(n), np.uint64)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, low: float, high: float, n: int) -> F64:
        """Return `n` numbers uniformly distributed over [low, high)."""
        return low + (high - low) * self.uniform(n)

    def normal(self, n: int) -> F64:
        """Return `n` numbers of the standard normal distribution, within ± 3.7."""
        return _read(_NORMAL, self.uniform(n))

    def exponential(self, n: int) -> F64:
        """Return `n` numbers of the exponential distribution with mean 1, up to 9."""
        return _read(_EXPONENTIAL, self.uniform(n))

    def gamma(self, halves: int, n: int) -> F64:
        """Return `n` numbers of the gamma distribution, shape `halves` / 2, scale 1.

        A sum of exponentials; an odd half is half a squared normal number.
        """
        total = np.zeros(n)
        for _ in range(halves // 2):
            total += self.exponential(n)
        if halves % 2:
            total += self.normal(n) ** 2 / 2
        return total

    def poisson(self, mean: F64) -> I64:
        """Return Poisson counts, one for each mean (inversion by the sum of terms)."""
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
        """Return which of `n` events occur, each with probability `share`."""
        hit: NDArray[np.bool_] = self.uniform(n) < share
        return hit

    def lognormal(self, sigma: float, n: int) -> F64:
        """Return `n` factors with median 1 whose logarithm has sd `sigma`."""
        return np.asarray(np.round(np.exp(sigma * self.normal(n)), 9), np.float64)


def _read(table: F64, u: F64) -> F64:
    """Return the inverse distribution at `u`, linear between the table's points."""
    place = u * STEPS
    low = place.astype(np.int64)
    return table[low] + (table[low + 1] - table[low]) * (place - low)
