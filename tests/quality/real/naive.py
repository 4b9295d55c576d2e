"""What simple rules make of the same readings, each from what came before it alone."""

from collections.abc import Callable

import numpy as np

from tests.quality.real.curves import F64, HOUR_MS, Curve

BACK_H = 24.0
FALL = 25.0  # from one reading to the next: emptied, forget what was before
Slope = Callable[[F64, F64], float]


def last_rate(hours: F64, fill: F64) -> float:
    """Percent an hour between the ends."""
    return float((fill[-1] - fill[0]) / (hours[-1] - hours[0]))


def theil_sen(hours: F64, fill: F64) -> float:
    """Percent an hour: the median over all pairs."""
    one, other = np.triu_indices(len(hours), 1)
    return float(np.median((fill[other] - fill[one]) / (hours[other] - hours[one])))


def persistence(_hours: F64, _fill: F64) -> float:
    """Nothing comes."""
    return 0.0


RULES: dict[str, Slope] = {
    "persistence": persistence,
    "last 24 h": last_rate,
    "Theil-Sen": theil_sen,
}


def slopes(curve: Curve, rule: Slope) -> F64:
    """Percent an hour at each reading, by the day before since an emptying."""
    hours = curve.at / HOUR_MS
    first = np.searchsorted(hours, hours - BACK_H - 0.5)
    fell = np.diff(curve.fill, prepend=curve.fill[:1]) <= -FALL
    since = np.maximum.accumulate(np.where(fell, np.arange(len(hours)), 0))
    found = np.zeros(len(hours))
    for i, begin in enumerate(np.maximum(first, since).tolist()):
        if i > begin:
            part = slice(begin, i + 1)
            found[i] = max(rule(hours[part], curve.fill[part]), 0.0)
    return found
