"""G6 to G8: detected emptyings, and hours to full against the counterfactual."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.collect import Numbers, share
from firmware_sim.score.hub_output import EstimatedEmptying, ScoredEstimates
from firmware_sim.score.truth import HOUR_MS, MOST_H, GroundTruth

MIN_FILL = 15.0  # % before an emptying that has to be detected
EARLY_H, LATE_H = 2, 6
SOON_H, CAP_H = 24, 48
IN_TIME = 3  # reports
NEVER_H = 168.0  # value of an estimate beyond its horizon
Values = NDArray[Any]


class _Period(NamedTuple):
    begin: int  # ms
    end: int

    def contains(self, at: int) -> bool:
        return self.begin <= at < self.end


@dataclass(slots=True)
class _Matches:
    estimated: int = 0
    correct: int = 0  # estimated, and matched
    true: int = 0
    detected: int = 0  # true, and matched
    bracketed: int = 0  # true, and between the readings of an estimate
    delays: list[float] = field(default_factory=list)  # hours
    reports: list[int] = field(default_factory=list)


def score_emptyings(
    truth: GroundTruth, estimates: ScoredEstimates, warm: int
) -> Numbers:
    """Return precision and recall of emptyings; each true one is matched once."""
    matches = _Matches()
    for asset in truth.fills:
        _match(matches, truth, estimates, asset, warm)
    m = matches
    in_time = sum(n <= IN_TIME for n in m.reports)
    return {
        "G6_precision": share(m.correct, m.estimated),
        "G6_recall": share(m.detected, m.true),
        "G6_recall_by_bracket": share(m.bracketed, m.true),
        "G6_median_hours_to_decide": median(m.delays) if m.delays else None,
        "G6_latency_ok": share(in_time, len(m.reports)),
        "emptyings": m.true,
    }


def _match(
    matches: _Matches,
    truth: GroundTruth,
    estimates: ScoredEstimates,
    asset: str,
    warm: int,
) -> None:
    """Match the estimated emptyings of an asset with the true ones.

    Emptyings outside the scored period are matched, too, but not counted; those that
    have to be detected are matched first.
    """
    fill = truth.fills[asset]
    scored = _Period(warm, fill.end - LATE_H * HOUR_MS)
    events = sorted(truth.emptied[asset], key=lambda e: (e.before < MIN_FILL, e.at))
    estimated = estimates.emptied.get(asset, [])
    matches.estimated += sum(scored.contains(e.at) for e in estimated)
    used: set[int] = set()
    for at, before in events:
        counts = before >= MIN_FILL and scored.contains(at)
        matches.true += counts
        matches.bracketed += counts and any(
            e.begin - fill.step_ms <= at <= e.end + fill.step_ms for e in estimated
        )
        for i, e in enumerate(estimated):
            if i in used or not -EARLY_H <= (e.at - at) / HOUR_MS <= LATE_H:
                continue
            used.add(i)
            if counts:
                matches.detected += 1
                matches.delays.append((e.decided - at) / HOUR_MS)
                matches.reports.append(_reports(estimates, asset, e))
            break
    matches.correct += sum(scored.contains(estimated[i].at) for i in used)


def _reports(
    estimates: ScoredEstimates, asset: str, emptying: EstimatedEmptying
) -> int:
    """Return the number of estimates from an emptying to its decision."""
    at = estimates.at.get(asset, np.empty(0, np.int64))
    return int(((emptying.end <= at) & (at <= emptying.decided)).sum())


def score_forecasts(
    truth: GroundTruth, estimates: ScoredEstimates, warm: int
) -> Numbers:
    """Return scores of hours to full and of the chance of full within a day."""
    true, estimated = [], []
    for asset, fill in truth.fills.items():
        if asset not in estimates.at:
            continue
        at = estimates.at[asset]
        use = (at >= warm) & (at < fill.end - MOST_H * HOUR_MS)
        steps = ((at[use] - fill.start) // fill.step_ms).astype(np.intp)
        hours = fill.hours_to_full(steps)
        true.append(hours[hours > 0])
        estimated.append(estimates.values[asset][:, use][:, hours > 0])
    if not true or not sum(map(len, true)):
        return {}
    t = np.concatenate(true)
    eta, low, high, chance = np.concatenate(estimated, axis=1)
    soon = t <= SOON_H
    error = np.abs(np.minimum(eta, CAP_H) - np.minimum(t, CAP_H))
    either = np.minimum(eta, t) <= SOON_H
    near = t <= MOST_H
    off = np.abs(np.minimum(eta[near], NEVER_H) - t[near])
    return {
        "G7_median": _apply(np.median, error[soon]),
        "G7_mae": _apply(np.mean, error[soon]),
        "G7_within6": _apply(np.mean, error[soon] <= 6),
        "G7s_median": _apply(np.median, error[either]),
        "G7s_mae": _apply(np.mean, error[either]),
        "G8": share(float(off.sum()), float(t[near].sum())),
        "brier_24h": _apply(np.mean, (chance - soon) ** 2),
        "base_rate_24h": _apply(np.mean, soon),
        "came_by_h10": _apply(np.mean, t[low <= MOST_H] <= low[low <= MOST_H]),
        "came_by_h90": _apply(np.mean, t[high <= MOST_H] <= high[high <= MOST_H]),
        "estimates": len(t),
    } | _calibration(chance, soon)


def _calibration(chance: Values, soon: Values) -> Numbers:
    """Return, by tenths of the chance, its mean and the observed frequency."""
    scores: Numbers = {}
    tenth = np.minimum((chance * 10).astype(np.intp), 9)
    for i in range(10):
        inside = tenth == i
        scores[f"said_24h_{i}"] = _apply(np.mean, chance[inside])
        scores[f"came_24h_{i}"] = _apply(np.mean, soon[inside])
    return scores


def _apply(function: Callable[[Values], Any], values: Values) -> float | None:
    return float(function(values)) if len(values) else None
