"""Hours until somebody comes: the next round, else as crews are known to come. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.hours import CrewHours
from sensorhub.estimate.plan import RoundPlans

F64 = NDArray[np.float64]
TAKES_H = 1.0  # a round: until it is over it is still to come
LONGEST_H = 24.0  # whoever comes later still has time to be called
UNKNOWN_H = 6.0  # neither rounds nor hours of crews are known


class CrewGroups(NamedTuple):
    """What the visits to an asset are estimated from, by asset."""

    plan: NDArray[np.intp]  # number of its `RoundPlans`; 0: no rounds
    population: NDArray[np.intp]  # its kind of assets, which shares hours of crews


def until_visit(
    plans: RoundPlans,
    crews: CrewHours,
    groups: CrewGroups,
    local_h: F64,
) -> F64:
    """Hours until somebody comes, a day at most; `local_h`: local hours since 1970."""
    plan, people = groups
    over_in = plans.next_in(plan, local_h - TAKES_H)  # h until a round is over
    planned = np.isfinite(over_in)
    middle = over_in - np.minimum(over_in, TAKES_H) / 2  # of what is left of it
    if planned.all():
        return np.minimum(middle, LONGEST_H)
    unplanned = np.where(crews.plain[people], crews.wait(people, local_h), UNKNOWN_H)
    return np.minimum(np.where(planned, middle, unplanned), LONGEST_H)
