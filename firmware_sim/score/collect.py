"""G1 to G5 and G9: collection alerts against true fills and overflows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from firmware_sim.score.hub_output import ScoredAlert
from firmware_sim.score.truth import DAY_MS, HOUR_MS, GroundTruth, TrueFill

DUE, SOON_H = 70.0, 24
LEAD_H = 4
WINDOW_H = 12  # G9
FALSE = -0.11  # NAB's standard profile
Numbers = dict[str, float | int | None]


def share(part: float, whole: float) -> float | None:
    """Return part / whole; None if `whole` is 0."""
    return part / whole if whole else None


@dataclass(slots=True)
class _Counts:
    due: int = 0
    raised: int = 0
    overflows: int = 0
    alerted: int = 0  # overflows with an alert before, in the same filling
    still_open: int = 0  # overflows with an alert of an earlier filling
    days: float = 0.0
    fills: list[float] = field(default_factory=list)  # when raised, %
    leads: list[float] = field(default_factory=list)  # hours
    nab: list[float] = field(default_factory=list)

    def add_alerts(self, fill: TrueFill, begins: list[int]) -> None:
        steps = np.array([fill.at(begin) for begin in begins], np.intp)
        level = fill.fill[steps]
        soon = fill.hours_to_full(steps, SOON_H) <= SOON_H
        self.due += int(((level >= DUE) | soon).sum())
        self.raised += len(begins)
        self.fills += level.tolist()

    def add_overflow(self, at: int, cycle: int, alerts: list[ScoredAlert]) -> None:
        self.overflows += 1
        before = [span.begin for span in alerts if cycle < span.begin <= at]
        if before:
            self.alerted += 1
            self.leads.append((at - before[0]) / HOUR_MS)
        elif any(span.begin <= at < span.end for span in alerts):
            self.still_open += 1


def score_collection(
    truth: GroundTruth, spans: Mapping[str, list[ScoredAlert]], warm: int
) -> Numbers:
    """Return the scores of alerts from `warm` (ms) on; `spans`: by asset.

    Alerts of the last day are not scored: what would have followed is not known.
    """
    counts = _Counts()
    for asset, fill in truth.fills.items():
        scored_until = fill.end - SOON_H * HOUR_MS
        counts.days += max(scored_until - warm, 0) / DAY_MS
        alerts = spans.get(asset, [])
        begins = [s.begin for s in alerts if warm <= s.begin < scored_until]
        counts.add_alerts(fill, begins)
        overflows = []
        for at, cycle in truth.first_overflows(asset):
            if at >= warm:
                counts.add_overflow(at, cycle, alerts)
                overflows.append(at)
        counts.nab += _nab(begins, overflows)
    return _scores(counts)


def _scores(c: _Counts) -> Numbers:
    nab = None
    if c.overflows:
        nab = 100 * (sum(c.nab) + c.overflows) / (c.overflows * (1 + _worth(-1)))
    return {
        "G1": share(c.due, c.raised),
        "G2": share(c.raised - c.due, c.days),
        "G3": share(c.alerted, c.overflows),
        "G3_open_before": share(c.still_open, c.overflows),
        "G4": share(sum(lead >= LEAD_H for lead in c.leads), c.overflows),
        "G5": float(np.median(c.leads)) if c.leads else None,
        "G9": nab,
        "alerts": c.raised,
        "overflows": c.overflows,
        "bin_days": c.days,
        "alerts_per_bin_day": share(c.raised, c.days),
        "alerts_per_overflow": share(c.raised, c.overflows),
        "median_fill_when_raised": float(np.median(c.fills)) if c.fills else None,
    }


def _worth(y: float) -> float:
    """Return NAB's worth of a detection at `y`: -1 is the window's begin, 0 its end."""
    return 2 / (1 + math.exp(5 * y)) - 1


def _nab(raised: list[int], overflows: list[int]) -> list[float]:
    """Return the points of an asset's alerts: -1 for each overflow without one."""
    points = []
    left = sorted(raised)
    for at in overflows:
        inside = [r for r in left if at - WINDOW_H * HOUR_MS <= r <= at]
        points.append(
            _worth((inside[0] - at) / (WINDOW_H * HOUR_MS)) if inside else -1.0
        )
        left = [r for r in left if r not in inside]
    return points + [FALSE] * len(left)
