"""G10: alerts of odour in toilets against the true concentration of ammonia."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import ScoredAlert
from firmware_sim.score.truth import DAY_MS, F64, HOUR_MS, GroundTruth

FOUL, CLEARED, ALMOST = 0.5, 0.45, 0.4  # ppm NH3
MINUTE_MS = 60_000
DURATION_MS = 15 * MINUTE_MS  # that foul air has to last, and clean air to end it
QUICK_MIN = 10
GASES = ("nh3", "h2s", "odour_rise")


class FoulPeriod(NamedTuple):
    """A period of foul air, ms."""

    begin: int
    end: int

    def overlaps(self, span: ScoredAlert) -> bool:
        """Return whether an alert was open during the period."""
        return span.begin <= self.end and self.begin <= span.end


def score_gas(truth: GroundTruth, spans: Sequence[ScoredAlert], warm: int) -> Numbers:
    """Return G10 for what began at `warm` (ms) or later."""
    events = detected = quick = false = never = 0
    delays: list[float] = []
    odour = [s for s in spans if s.category == "clean" and s.measurement in GASES]
    for asset, (start, step, nh3) in truth.gas.items():
        own = [span for span in odour if span.asset == asset]
        periods = _foul_periods(nh3, start, step)
        for period in periods:
            if period.begin < warm:
                continue
            events += 1
            found = [span for span in own if period.overlaps(span)]
            if found:
                detected += 1
                delays.append((found[0].begin - period.begin) / MINUTE_MS)
                quick += delays[-1] <= QUICK_MIN
        for span in own:
            if span.begin < warm or any(period.overlaps(span) for period in periods):
                continue
            false += 1
            around = (np.array([-HOUR_MS, HOUR_MS]) + span.begin - start) // step
            near = nh3[max(int(around[0]), 0) : int(around[1]) + 1]
            never += not (near >= ALMOST).any()
    days = len(truth.gas) * max(truth.end - warm, 0) / DAY_MS
    return {
        "G10_recall": share(detected, events),
        "G10_within10": share(quick, events),
        "G10_median_minutes": median(delays) if delays else None,
        "G10_false": share(false, days) if truth.gas else None,
        "G10_false_never_04": share(never, days) if truth.gas else None,
        "foul": events,
        "room_days": days,
    }


def _foul_periods(nh3: F64, start: int, step: int) -> list[FoulPeriod]:
    """Return periods from 15 minutes of foul air until 15 minutes below 0.45 ppm."""
    need = max(DURATION_MS // step, 1)
    found, above, below, since = [], 0, 0, None
    for i, value in enumerate(nh3.tolist()):
        above = above + 1 if value >= FOUL else 0
        below = below + 1 if value < CLEARED else 0
        if since is None and above >= need:
            since = start + i * step
        elif since is not None and below >= need:
            found.append(FoulPeriod(since, start + i * step))
            since = None
    if since is not None:
        found.append(FoulPeriod(since, start + len(nh3) * step))
    return found
