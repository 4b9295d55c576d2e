"""Measures of fill curves: rise, profiles, jumps, emptyings, noise, gaps."""

from typing import NamedTuple

import numpy as np

from firmware_sim.reality.curves import F64, FillCurve

WEEK_H = 168
WINDOW = 6  # readings on both sides of an emptying
MIN_FALL = 25.0  # points
SMALL = 10.0  # points: smaller falls are no emptyings, smaller steps are noise
SPIKE = 20.0
RISE_H = 6.0
MAX_STEP_H = 6.5  # longer steps are not used for profiles
NIGHT = (0.0, 5.0)  # local hours


class CurveMeasures(NamedTuple):
    """The measures of one curve; profiles and rises are relative to their mean."""

    figures: dict[str, float]
    rises: F64
    day: F64  # by local hour
    week: F64  # by weekday, Monday first
    emptied: F64  # sizes, points


def measure(raw: FillCurve, every_h: float) -> CurveMeasures:
    """Measure a curve thinned to one reading in `every_h` hours; gaps before that."""
    curve = raw.thinned(every_h)
    before, after = emptyings(curve.fill)
    rises, a_day = _rises(curve)
    day, week = _profiles(curve)
    figures = _gaps(raw) | _steps(curve) | _emptied(curve, before, after)
    figures["rise a day, points"] = a_day
    figures["share of the rise from 8 to 20 h"] = float(day[8:20].sum() / day.sum())
    figures["rise on weekends over weekdays"] = float(week[5:].mean() / week[:5].mean())
    for share in (0.5, 0.9, 0.99):
        name = f"rise in 6 h over its mean, {100 * share:g} % of them below"
        figures[name] = float(np.quantile(rises, share)) if len(rises) else np.nan
    return CurveMeasures(figures, rises, day, week, before - after)


def emptyings(fill: F64) -> tuple[F64, F64]:
    """Return the medians of six readings before and after each clear emptying."""
    if len(fill) < 2 * WINDOW:
        return np.empty(0), np.empty(0)
    windows = np.lib.stride_tricks.sliding_window_view(fill, WINDOW)
    middle = np.median(windows, axis=1)
    falls = middle[:-WINDOW] - middle[WINDOW:]
    found: list[int] = []
    for i in np.flatnonzero(falls >= MIN_FALL).tolist():
        largest = falls[max(0, i - WINDOW) : i + WINDOW + 1].max()
        if falls[i] == largest and not (found and i - found[-1] <= WINDOW):
            found.append(i)
    place = np.array(found, np.intp)
    return middle[place], middle[place + WINDOW]


def _gaps(raw: FillCurve) -> dict[str, float]:
    gaps = np.diff(raw.hours)
    period = float(np.median(gaps))
    missing = float(np.maximum(np.round(gaps / period) - 1, 0).sum())
    return {
        "hours between readings": period,
        "share missing": missing / (missing + len(raw.fill)),
    }


def _steps(curve: FillCurve) -> dict[str, float]:
    fill, step = curve.fill, np.diff(curve.fill)
    ends = abs(fill[2:] - fill[:-2]) < SMALL
    spikes = ends & (abs(fill[1:-1] - (fill[2:] + fill[:-2]) / 2) >= SPIKE)
    of_day = curve.hours % 24
    night = (of_day[:-1] >= NIGHT[0]) & (of_day[1:] < NIGHT[1])
    quiet = step[night & (np.diff(curve.hours) < NIGHT[1]) & (abs(step) < SMALL)]
    up = step[step > 0]
    return {
        "share of repeats": float((step == 0).mean()),
        "share of jumps up of 10 points or more": float((step >= SMALL).mean()),
        "jump up, points, 50 % of them below": _quantile(up, 0.5),
        "jump up, points, 90 % of them below": _quantile(up, 0.9),
        "jump up, points, 99 % of them below": _quantile(up, 0.99),
        "share of spikes of 20 points or more": float(spikes.mean()),
        "noise at night, sd of steps below 10, points": float(quiet.std())
        if len(quiet)
        else np.nan,
    }


def _emptied(curve: FillCurve, before: F64, after: F64) -> dict[str, float]:
    weeks = (curve.hours[-1] - curve.hours[0]) / WEEK_H
    return {
        "emptyings a week": len(before) / weeks,
        "fill before an emptying, %": _quantile(before, 0.5),
        "fill after it, %": _quantile(after, 0.5),
        "size of an emptying, 10 % of them below": _quantile(before - after, 0.1),
        "size of an emptying, 50 % of them below": _quantile(before - after, 0.5),
        "size of an emptying, 90 % of them below": _quantile(before - after, 0.9),
    }


def _quantile(values: F64, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else np.nan


def _rises(curve: FillCurve) -> tuple[F64, float]:
    """Return rises between medians of 6 h, relative to their mean, and points a day.

    Falls of 10 points and more are left out.
    """
    slot = (curve.hours // RISE_H).astype(np.int64)
    slots, first = np.unique(slot, return_index=True)
    level = np.array([np.median(part) for part in np.split(curve.fill, first[1:])])
    rise = np.diff(level)[np.diff(slots) == 1]
    rise = rise[rise > -SMALL]
    mean = float(rise.mean()) if len(rise) else np.nan
    return (rise / mean if mean > 0 else np.empty(0)), 24 / RISE_H * mean


def _profiles(curve: FillCurve) -> tuple[F64, F64]:
    """Return the rise by hour of day and by weekday, of mean 1; NaN without rise."""
    step, hours = np.diff(curve.fill), np.diff(curve.hours)
    use = (hours <= MAX_STEP_H) & (step > -SMALL) & (step < SPIKE)
    begin, end, step = curve.hours[:-1][use], curve.hours[1:][use], step[use]
    gained, exposed = np.zeros(WEEK_H), np.zeros(WEEK_H)
    for slot in range(int(MAX_STEP_H) + 2):
        hour = np.floor(begin) + slot
        part = np.maximum(np.minimum(end, hour + 1) - np.maximum(begin, hour), 0)
        of_week = (hour % WEEK_H).astype(np.intp)
        np.add.at(gained, of_week, step * part / (end - begin))
        np.add.at(exposed, of_week, part)
    with np.errstate(invalid="ignore", divide="ignore"):
        day = gained.reshape(7, 24).sum(0) / exposed.reshape(7, 24).sum(0)
        week = gained.reshape(7, 24).sum(1) / exposed.reshape(7, 24).sum(1)
        return day / day.mean(), week / week.mean()
