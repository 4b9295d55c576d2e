"""Learn the hours of the local day at which crews come, from detected emptyings.

The time of an emptying is known as a bracket. Expectation maximisation: each emptying
spreads its weight over the hours of its bracket in proportion to the hours learnt so
far. Where no rounds are configured, the hours give the probability of an emptying
within a gap, and its likely time within its bracket. Pure.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.hours import DAY_H
from sensorhub.estimate.learning import KEPT, hours_of

F64 = NDArray[np.float64]
LONGEST_H = 16.0  # a longer bracket says too little
LEAN = 24.0  # emptyings of which a flat day is made, at first
LEAST = 0.05  # of the mean


class EmptyingBrackets(NamedTuple):
    """Columns of emptyings; their brackets in local hours since 1970."""

    block: NDArray[np.intp]
    population: NDArray[np.intp]
    begin: F64
    end: F64


class CrewHourSums:
    """Sums of emptyings by block, population and hour of the day."""

    def __init__(self, blocks: int, populations: int) -> None:
        self.sums = np.zeros((blocks, populations, DAY_H))

    def add(self, seen: EmptyingBrackets, shape: F64) -> None:
        """Add emptyings; `shape` holds the hours learnt so far."""
        use = (seen.end > seen.begin) & (seen.end - seen.begin <= LONGEST_H)
        if not use.any():
            return
        block, people = seen.block[use], seen.population[use]
        begin, end = seen.begin[use], seen.end[use]
        hour, overlap = hours_of(begin, end)
        of_day = hour.astype(np.intp) % DAY_H
        weight = overlap * shape[people[:, None], of_day]
        where = (block[:, None], people[:, None], of_day)
        np.add.at(self.sums, where, weight / weight.sum(axis=1, keepdims=True))

    def fade(self, blocks: NDArray[np.bool_]) -> None:
        """Fade the sums of these blocks: a day is over, older days count less."""
        self.sums[blocks] *= KEPT

    def shapes(self) -> F64:
        """The hours of all populations as learnt, of mean 1."""
        seen = self.sums.sum(axis=0)
        total = seen.sum(axis=1, keepdims=True)
        shape: F64 = DAY_H * (seen + LEAN / DAY_H) / (total + LEAN)
        return np.maximum(shape, LEAST)
