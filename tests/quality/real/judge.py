"""How good what was said is: emptyings, level a day ahead, hours to a mark.

The last 60 % of each record count. A forecast is compared only where nobody emptied
the container in between.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.quality.real.alerts import of_alerts
from tests.quality.real.curves import (
    F64,
    HOUR_MS,
    Curve,
    Places,
    emptyings,
    falls,
    returns,
)
from tests.quality.real.hub import FARTHEST_H, MARK, Said
from tests.quality.real.naive import RULES, slopes

SCORED_FROM = 0.4  # of the readings
MATCH_H = 12.0  # between an obvious emptying and one that was declared
CONFIRMED = 12.0  # fall of the medians of three that confirms a declared one
NEAR, FEW = 2, 3  # readings
DAY_H, LATE_H = 24.0, 2.0  # a reading a day later, at most so much after
FULL = 100.0
Numbers = dict[str, float]
Forecasts = dict[str, dict[str, F64]]  # by who told, by what


class Truth(NamedTuple):
    """What came after each scored reading; NaN where it cannot be said."""

    place: Places
    level: F64  # % a day later
    to_mark: F64  # hours
    to_full: F64


def scored(curve: Curve) -> int:
    """The first reading that counts."""
    return int(SCORED_FROM * len(curve.at))


def truth(curve: Curve) -> Truth:
    """What came, up to the next obvious emptying."""
    hours = curve.at / HOUR_MS
    place = np.arange(scored(curve), len(hours))
    ends = np.append(emptyings(curve.fill), len(hours))
    end = ends[np.searchsorted(ends, place, side="right")]
    later = np.searchsorted(hours, hours[place] + DAY_H)
    known = later < end
    later = np.minimum(later, len(hours) - 1)
    known &= hours[later] <= hours[place] + DAY_H + LATE_H
    level = np.where(known, curve.fill[later], np.nan)
    return Truth(place, level, *(_until(curve, place, end, m) for m in (MARK, FULL)))


def _until(curve: Curve, place: Places, end: Places, mark: float) -> F64:
    """Hours from readings below a mark to the first at or above it, before `end`."""
    over = np.append(np.flatnonzero(curve.fill >= mark), len(curve.at))
    first = over[np.searchsorted(over, place)]
    hours = np.append(curve.at / HOUR_MS, np.nan)
    reached = (first > place) & (first < end)
    return np.where(reached, hours[first] - hours[place], np.nan)


def of_emptyings(curve: Curve, said: Said) -> Numbers:
    """Counts: obvious emptyings, those found; ends of spells at 100 % that are none,
    those taken for one; declared ones, confirmed ones."""
    begin = scored(curve)
    mine = said.emptied[said.emptied[:, 1] > curve.at[begin]]
    free = (mine[:, 0] + mine[:, 1]) / 2
    counts = dict.fromkeys(("obvious", "found", "spells", "mistaken"), 0)
    for i in emptyings(curve.fill).tolist():
        if i <= begin:
            continue
        spell = returns(curve.fill, i)
        counts["spells" if spell else "obvious"] += 1
        seen = _take(free, (curve.at[i - 1] + curve.at[i]) / 2)
        counts["mistaken" if spell else "found"] += seen
    fall = falls(curve.fill, FEW)
    at = np.searchsorted(curve.at, mine[:, 1])
    sure = [fall[max(0, i - NEAR) : i + NEAR + 1].max() >= CONFIRMED for i in at]
    return {**counts, "declared": len(mine), "confirmed": int(sum(sure))}


def _take(free: F64, moment: float) -> bool:
    """Whether one of the declared (ms) is close enough; it counts once."""
    off = np.abs(free - moment)
    near = bool(off.min(initial=np.inf) <= MATCH_H * HOUR_MS)
    if near:
        free[np.argmin(off)] = np.inf
    return near


def forecasts(curve: Curve, said: Said) -> Forecasts:
    """By who told what was said, under `truth` what came; a row a scored reading."""
    true = truth(curve)
    own = np.searchsorted(said.at, curve.at[true.place], side="right") - 1
    level = np.minimum(said.later, FULL)
    columns = {"level": level, "to_mark": said.to_mark, "to_full": said.to_full}
    told = {"hub": {name: column[own] for name, column in columns.items()}}
    fill = curve.fill[true.place]
    for who, rule in RULES.items():
        slope = slopes(curve, rule)[true.place]
        with np.errstate(divide="ignore", invalid="ignore"):
            hours = [np.minimum((m - fill) / slope, FARTHEST_H) for m in (MARK, FULL)]
        level = np.minimum(fill + DAY_H * slope, FULL)
        told[who] = {"level": level, "to_mark": hours[0], "to_full": hours[1]}
    return told | {"truth": true._asdict()}


def judge(curves: Sequence[Curve], said: dict[str, Said]) -> dict[str, Any]:
    """All scores by waste: counts of emptyings, errors by what and who told."""
    found: dict[str, Any] = {}
    for waste in sorted({curve.waste for curve in curves}):
        mine = [curve for curve in curves if curve.waste == waste]
        counts = [of_emptyings(curve, said[curve.container]) for curve in mine]
        parts = [forecasts(curve, said[curve.container]) for curve in mine]
        found[waste] = {
            "containers": len(mine),
            "emptyings": {k: sum(count[k] for count in counts) for k in counts[0]},
            "alerts": of_alerts(mine, said, SCORED_FROM),
            "level": _by_who(parts, "level", np.inf),
            "to_mark": _by_who(parts, "to_mark", DAY_H),
            "to_full": _by_who(parts, "to_full", DAY_H),
        }
    return found


def _by_who(parts: Sequence[Forecasts], what: str, within: float) -> dict[str, Any]:
    """Errors of each who told, where the truth is at most `within`."""
    true = np.concatenate([part["truth"][what] for part in parts])
    use = true <= within
    found: dict[str, Any] = {"n": int(use.sum())}
    if not found["n"]:
        return found
    for who in ("hub", *RULES):
        told = np.concatenate([part[who][what] for part in parts])
        found[who] = _errors(told[use], true[use])
    return found


def _errors(told: F64, true: F64) -> Numbers:
    off = told - true
    size = np.abs(off)
    return {
        "median": float(np.median(size)),
        "mae": float(size.mean()),
        "bias": float(off.mean()),
        "within6": float((size <= 6).mean()),
    }
