"""Whether alerts on real curves were worth a trip, seen from afterwards."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.quality.real.curves import F64, HOUR_MS, Curve, Places, emptyings, returns
from tests.quality.real.hub import Said

WHO = {"hub": "bin_full", "naive": "naive"}
DUE, FULL, ROUGH = 70.0, 95.0, 5.0  # %
LOOK_MS = 48 * HOUR_MS
WEEK_MS = 7 * 24 * HOUR_MS


def ends(curve: Curve) -> Places:
    """First readings after obvious emptyings, and the end of the record."""
    fill = curve.fill
    falls = [i for i in emptyings(fill).tolist() if not returns(fill, i)]
    return np.array([*falls, len(fill)], np.intp)


def afterwards(curve: Curve, at: Places) -> F64:
    """Median of the readings in the two days after, up to the next emptying, %."""
    cycle = ends(curve)
    end = cycle[np.searchsorted(cycle, at, side="right")]
    last = np.searchsorted(curve.at, curve.at[at] + LOOK_MS)
    stop = np.minimum(end, last)
    return np.array([np.median(curve.fill[i:j]) for i, j in zip(at, stop, strict=True)])


def leads(curve: Curve, at: Places, first: int) -> F64:
    """Of each filling that became full, and stayed so, after reading `first`: hours
    from the alert to that; NaN where nobody told before."""
    found = []
    full = np.flatnonzero(curve.fill >= FULL)
    full = full[(full >= first) & (afterwards(curve, full) >= FULL - ROUGH)]
    cycle = ends(curve)
    number = np.searchsorted(cycle, full, side="right")
    for which in np.unique(number).tolist():
        moment = int(full[np.argmax(number == which)])
        begin = int(cycle[which - 1]) if which else 0
        before = at[(at >= begin) & (at < moment)]
        told = before[-1:] if len(before) else np.empty(0, np.intp)
        hours = (curve.at[moment] - curve.at[told]) / HOUR_MS
        found.append(float(hours[0]) if len(hours) else np.nan)
    return np.array(found)


def of_alerts(
    curves: Sequence[Curve], said: dict[str, Said], begin: float
) -> dict[str, Any]:
    """By who told, of the readings from the share `begin` of each record on: alerts,
    a container and week, share that were due, fillings and share told, lead (h)."""
    found = {}
    for who, rule in WHO.items():
        levels, lead, weeks = [], [], 0.0
        for curve in curves:
            first = int(begin * len(curve.at))
            raised = np.array(said[curve.container].alerts[rule], np.int64)
            at = np.searchsorted(curve.at, raised)
            levels.append(afterwards(curve, at[at >= first]))
            lead.append(leads(curve, at, first))
            weeks += float(curve.at[-1] - curve.at[first]) / WEEK_MS
        level, hours = np.concatenate(levels), np.concatenate(lead)
        told = hours[~np.isnan(hours)]
        found[who] = {
            "n": len(level),
            "a_week": len(level) / weeks,
            "due": float((level >= DUE).mean()) if len(level) else 0.0,
            "fillings": len(hours),
            "told": len(told) / max(len(hours), 1),
            "lead": float(np.median(told)) if len(told) else 0.0,
        }
    return found
