"""What the fill filter learns of a bin: its rate, and how rough its surface is."""

import numpy as np

from sensorhub.estimate.fill import (
    EVENTS,
    F64,
    HEAP,
    LOSS,
    MEMORY_D,
    USUAL_RATE,
    ElapsedTime,
    FillPrediction,
    FilterState,
    Flags,
    ReadingFit,
    rate,
)
from sensorhub.estimate.law import Law


def learn(
    t: FilterState, law: Law, before: F64, ahead: FillPrediction, passed: ElapsedTime
) -> F64:
    """Learn the rate from the gain since the last reading; returns the gain, %.

    What confirms or corrects a level that no reading had confirmed is no gain.
    """
    came = np.maximum(t["f"] - ahead.kept * before, LOSS)
    use = (t["f"] < 100) & (t["unconfirmed"] == 0)
    keep = np.maximum(1 - passed.days / MEMORY_D, 0)
    gained = keep * t["gained"] + came
    days = keep * t["days"] + passed.days
    least = EVENTS * law.phi / USUAL_RATE
    short = np.maximum(least - days, 0)
    gained = gained + short * rate(t)
    t["gained"] = np.where(use, np.maximum(gained, 0), t["gained"])
    t["days"] = np.where(use, days + short, t["days"])
    t["f"] = np.minimum(t["f"], HEAP)
    return came


def roughness(
    t: FilterState, ahead: FillPrediction, fit: ReadingFit, stuck: Flags
) -> None:
    """Learn how uneven the surface is from how far readings are off."""
    q = fit.nu**2 / fit.variance
    use = (ahead.deposits > 0.3) & (ahead.f + ahead.h > 12) & (q < 12)
    use &= np.isnan(t["odds"]) & ~stuck & ~fit.full
    moved = t["rough"] * np.exp(0.01 * (np.minimum(q, 5) - 0.9))
    t["rough"] = np.where(use, np.clip(moved, 1, 300), t["rough"])
