"""G6 to G8: emptyings that were seen, and hours to full against the counterfactual."""

from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import EstimatedEmptying, ScoredEstimates
from firmware_sim.score.truth import HOUR_MS, MOST_H, GroundTruth

LEAST = 15.0  # % before, for an emptying that has to be seen
EARLY_H, LATE_H = 2, 6
SOON_H, CAP_H = 24, 48
IN_TIME = 3  # reports
Values = NDArray[Any]
NEVER_H = 168.0  # what an estimate beyond its horizon counts as


def emptyings(truth: GroundTruth, told: ScoredEstimates, warm: int) -> Numbers:
    """Precision and recall of emptyings, each truth matched once."""
    found = true = seen = inside = right = 0
    waits: list[float] = []
    reports: list[int] = []
    for asset, fill in truth.fills.items():
        scored = (warm, fill.end - LATE_H * HOUR_MS)
        # matched beyond the edges, too; those that have to be seen come first
        events = sorted(truth.emptied[asset], key=lambda e: (e[1] < LEAST, e[0]))
        mine = told.emptied.get(asset, [])
        found += sum(_within(e.at, scored) for e in mine)
        used: set[int] = set()
        for at, before in events:
            counts = before >= LEAST and _within(at, scored)
            true += counts
            inside += counts and any(
                e.begin - fill.step_ms <= at <= e.end + fill.step_ms for e in mine
            )
            for i, e in enumerate(mine):
                fits = -EARLY_H <= (e.at - at) / HOUR_MS <= LATE_H
                if i not in used and fits:
                    used.add(i)
                    seen += counts
                    if counts:
                        waits.append((e.decided - at) / HOUR_MS)
                        reports.append(_reports(told, asset, e))
                    break
        right += sum(_within(mine[i].at, scored) for i in used)
    return {
        "G6_precision": share(right, found),
        "G6_recall": share(seen, true),
        "G6_recall_by_bracket": share(inside, true),
        "G6_median_hours_to_decide": median(waits) if waits else None,
        "G6_latency_ok": share(sum(n <= IN_TIME for n in reports), len(reports)),
        "emptyings": true,
    }


def _reports(told: ScoredEstimates, asset: str, seen: EstimatedEmptying) -> int:
    """Estimates from the first reading after an emptying to when it was decided."""
    at = told.at.get(asset, np.empty(0, np.int64))
    return int(((seen.end <= at) & (at <= seen.decided)).sum())


def _within(at: int, span: tuple[int, int]) -> bool:
    return span[0] <= at < span[1]


def forecasts(truth: GroundTruth, told: ScoredEstimates, warm: int) -> Numbers:
    """Hours to full and chances of full within a day, estimate by estimate."""
    true, said = [], []
    for asset, fill in truth.fills.items():
        if asset not in told.at:
            continue
        at = told.at[asset]
        use = (at >= warm) & (at < fill.end - MOST_H * HOUR_MS)
        steps = ((at[use] - fill.start) // fill.step_ms).astype(np.intp)
        hours = fill.hours_to_full(steps)
        true.append(hours[hours > 0])
        said.append(told.told[asset][:, use][:, hours > 0])
    if not true or not sum(map(len, true)):
        return {}
    t = np.concatenate(true)
    eta, low, high, chance = np.concatenate(said, axis=1)
    soon = t <= SOON_H
    error = np.abs(np.minimum(eta, CAP_H) - np.minimum(t, CAP_H))
    either = np.minimum(eta, t) <= SOON_H
    near = t <= MOST_H
    off = np.abs(np.minimum(eta[near], NEVER_H) - t[near])
    return {
        "G7_median": _of(np.median, error[soon]),
        "G7_mae": _of(np.mean, error[soon]),
        "G7_within6": _of(np.mean, error[soon] <= 6),
        "G7s_median": _of(np.median, error[either]),
        "G7s_mae": _of(np.mean, error[either]),
        "G8": share(float(off.sum()), float(t[near].sum())),
        "brier_24h": _of(np.mean, (chance - soon) ** 2),
        "base_rate_24h": _of(np.mean, soon),
        "came_by_h10": _of(np.mean, t[low <= MOST_H] <= low[low <= MOST_H]),
        "came_by_h90": _of(np.mean, t[high <= MOST_H] <= high[high <= MOST_H]),
        "estimates": len(t),
    } | _calibration(chance, soon)


def _calibration(chance: Values, soon: Values) -> Numbers:
    """Chances in tenths: the mean of what was said, and how often it came."""
    found: Numbers = {}
    tenth = np.minimum((chance * 10).astype(np.intp), 9)
    for i in range(10):
        mine = tenth == i
        found[f"said_24h_{i}"] = _of(np.mean, chance[mine])
        found[f"came_24h_{i}"] = _of(np.mean, soon[mine])
    return found


def _of(how: Callable[[Values], Any], values: Values) -> float | None:
    return float(how(values)) if len(values) else None
