"""An oracle: it knows fill, rate, week and settling of a bin, but not the future.

It decides once an hour and restarts with each emptying; no hub can do better. Its
growth is normally distributed, with the variance of the bin's own deposits.
"""

import math

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.hub_output import ScoredAlert, SeverityChange
from firmware_sim.score.truth import FULL, HOUR_MS, OPEN_END, GroundTruth, TrueFill

F64 = NDArray[np.float64]
DUE, DAY_H = 70.0, 24
SURE, EVEN = 1.645, 0.0  # standard deviations: 95 %, 50 %


def by_horizon(truth: GroundTruth, horizon_h: int) -> list[ScoredAlert]:
    """Return the alerts of an oracle that fires at even odds of full in a horizon."""
    return _oracle(truth, horizon_h, EVEN, math.inf)


def by_due(truth: GroundTruth) -> list[ScoredAlert]:
    """Return the alerts of an oracle that fires at 70 % or 95 % odds in a day."""
    return _oracle(truth, DAY_H, SURE, DUE)


def _oracle(
    truth: GroundTruth, horizon_h: int, sure: float, due: float
) -> list[ScoredAlert]:
    found = []
    for asset, fill in truth.fills.items():
        hour = HOUR_MS // fill.step_ms
        steps = np.arange(0, len(fill.fill), hour)
        level = fill.fill[steps]
        times = fill.start + steps * fill.step_ms
        mean, spread = _expected(truth, asset, fill, times, horizon_h)
        raises = (mean - sure * spread >= FULL) | (level >= min(due, FULL))
        found += spans_of(asset, times, raises, fillings(truth, asset, times))
    return found


def fillings(
    truth: GroundTruth, asset: str, times: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Return how often an asset was emptied before each time."""
    emptied = np.array(sorted(at for at, _ in truth.emptied[asset]), np.int64)
    return np.searchsorted(emptied, times, "right")


def _expected(
    truth: GroundTruth,
    asset: str,
    fill: TrueFill,
    times: NDArray[np.int64],
    horizon_h: int,
) -> tuple[F64, F64]:
    """Return the fill expected at the end of the horizon, and its sd, %."""
    week = truth.weeks[truth.kinds[asset]]
    local = (times + truth.offset_ms) // HOUR_MS + 72  # 1970-01-01 was a Thursday
    level = fill.fill[(times - fill.start) // fill.step_ms].copy()
    came = np.zeros(len(level))
    keeps = math.exp(-fill.settling)
    for ahead in range(horizon_h):
        more = truth.rates[asset] / 24 * week[(local + ahead) % 168]
        level = level * keeps + more
        came += more
    return level, np.sqrt(came * dispersion(fill))


def dispersion(fill: TrueFill) -> float:
    """Return variance over mean of deposits, %, from the gains of the steps."""
    gain = fill.gain
    day = max(24 * HOUR_MS // fill.step_ms, 1)
    whole = len(gain) // day * day
    mean = gain[:whole].reshape(-1, day).mean(axis=0)
    off = gain[:whole].reshape(-1, day) - mean
    return float((off**2).sum() / max(gain[:whole].sum(), 1e-9))


def spans_of(
    asset: str,
    times: NDArray[np.int64],
    raises: NDArray[np.bool_],
    cycle: NDArray[np.intp],
) -> list[ScoredAlert]:
    """Return one alert per filling, from its first hour until the filling ends."""
    found = []
    for which in np.unique(cycle[raises]).tolist():
        own = np.flatnonzero(cycle == which)
        begin = int(times[own[np.argmax(raises[own])]])
        last = own[-1] + 1
        end = int(times[last]) if last < len(times) else OPEN_END
        alarm = (SeverityChange(begin, "warning"),)
        found.append(
            ScoredAlert(asset, "oracle", "forecast", "collect", "", begin, end, alarm)
        )
    return found
