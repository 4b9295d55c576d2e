"""G1 to G5 and G9: alerts to collect against fills and overflows."""

import math
from collections.abc import Mapping

import numpy as np

from firmware_sim.score.hub_output import AlertSpan
from firmware_sim.score.truth import DAY_MS, HOUR_MS, GroundTruth

DUE, SOON_H = 70.0, 24
LEAD_H = 4
WINDOW_H = 12  # G9
FALSE = -0.11  # NAB's standard profile
Numbers = dict[str, float | int | None]


def share(part: float, whole: float) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None


def collect(
    truth: GroundTruth, spans: Mapping[str, list[AlertSpan]], warm: int
) -> Numbers:
    """Scores of alerts from `warm` (ms) on.

    What would have come of the last day nobody knows: its alerts are not judged.
    """
    due = raised = 0
    fills: list[float] = []
    told = still = 0
    leads: list[float] = []
    overflows = 0
    nab: list[float] = []
    days = 0.0
    for asset, fill in truth.fills.items():
        judged = fill.end - SOON_H * HOUR_MS
        days += max(judged - warm, 0) / DAY_MS
        mine = spans.get(asset, [])
        late = [s for s in mine if warm <= s.begin < judged]
        steps = np.array([fill.at(s.begin) for s in late], np.intp)
        level = fill.fill[steps]
        soon = fill.hours_to_full(steps, SOON_H) <= SOON_H
        due += int(((level >= DUE) | soon).sum())
        raised += len(late)
        fills += level.tolist()
        windows = []
        for at, cycle in truth.first_overflows(asset):
            if at < warm:
                continue
            overflows += 1
            before = [s.begin for s in mine if cycle < s.begin <= at]
            if before:
                told += 1
                leads.append((at - before[0]) / HOUR_MS)
            elif any(s.begin <= at < s.end for s in mine):
                still += 1
            windows.append(at)
        nab += _nab([s.begin for s in late], windows)
    caught = sum(lead >= LEAD_H for lead in leads)
    return {
        "G1": share(due, raised),
        "G2": share(raised - due, days),
        "G3": share(told, overflows),
        "G3_open_before": share(still, overflows),
        "G4": share(caught, overflows),
        "G5": float(np.median(leads)) if leads else None,
        "G9": 100 * (sum(nab) + overflows) / (overflows * (1 + _worth(-1)))
        if overflows
        else None,
        "alerts": raised,
        "overflows": overflows,
        "bin_days": days,
        "alerts_per_bin_day": share(raised, days),
        "alerts_per_overflow": share(raised, overflows),
        "median_fill_when_raised": float(np.median(fills)) if fills else None,
    }


def _worth(y: float) -> float:
    """NAB's worth of a detection at `y`: -1 the beginning of its window, 0 the end."""
    return 2 / (1 + math.exp(5 * y)) - 1


def _nab(raised: list[int], overflows: list[int]) -> list[float]:
    """Points of the alerts of an asset: -1 for each overflow without one."""
    found = []
    left = sorted(raised)
    for at in overflows:
        inside = [r for r in left if at - WINDOW_H * HOUR_MS <= r <= at]
        found.append(
            _worth((inside[0] - at) / (WINDOW_H * HOUR_MS)) if inside else -1.0
        )
        left = [r for r in left if r not in inside]
    return found + [FALSE] * len(left)
