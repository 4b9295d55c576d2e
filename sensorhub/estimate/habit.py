"""How far a bin's own rate of filling is known. Pure."""

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.fill import EVENTS, USUAL_RATE, FilterState, Flags
from sensorhub.estimate.law import Law

F64 = NDArray[np.float64]
BEYOND_NOISE = 2.0  # standard deviations of a reading
HABIT_D = 3.0  # warped days of its own after which a bin has a habit


def young(t: FilterState, law: Law) -> Flags:
    """Whose rate is not known yet: the usual one counts more than its own, or what was
    added since the first reading may be an error of the sensor."""
    usual = EVENTS * law.phi  # %
    least = np.maximum(usual, BEYOND_NOISE * np.sqrt(law.noise + t["rough"]))
    found: Flags = (t["gained"] - usual < least) & (
        own_days(t, law) < least / USUAL_RATE
    )
    return found


def own_days(t: FilterState, law: Law) -> F64:
    """The warped days of its own that its rate rests on."""
    found: F64 = t["days"] - EVENTS * law.phi / USUAL_RATE
    return found


def has_habit(t: FilterState, law: Law) -> Flags:
    """Who has been seen to fill for some days."""
    found: Flags = own_days(t, law) >= HABIT_D
    return found
