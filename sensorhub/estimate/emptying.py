"""Emptying detection by hypothesis test: a candidate runs beside the filter.

A reading far below the prediction opens a candidate. Later readings are evaluated under
both hypotheses, emptied and not emptied, until the log odds decide; a likelier
candidate replaces the open one. The filter continues meanwhile as if there were none.
The time of an emptying is a bracket: after the last good reading, before the first low
one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.fill import (
    HEAP,
    LEVELLED,
    LOSS,
    FillPrediction,
    FilterState,
    Flags,
    ReadingColumns,
    ReadingFit,
    from_nowhere,
    rate,
)
from sensorhub.estimate.law import Law
from sensorhub.estimate.normal import density, tail

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
AN_HOUR = 0.02  # chance of an emptying, where no round is known
PLANNED, UNPLANNED = 0.95, 0.0004  # of a round that is due; an hour beside rounds
MOST_H = 48.0
SUREST = 0.97  # a crew passes by now and then
DROPPED = -3.0  # log odds
# log odds that are enough: the longer until the next reading, the fewer
DECLARED, SOONEST, AN_HOUR_LESS = 3.5, 1.0, 1.25
LOW = 1.2  # standard deviations below
LEAST = 10.0  # % that must have been in it
HOUR_MS = 3_600_000


class DetectedEmptyings(NamedTuple):
    """Devices with a detected emptying; its bracket (ms); the amount removed (%)."""

    which: Flags
    begin: I64
    end: I64
    amount: F64


class VisitEstimate(NamedTuple):
    """A crew's visit in the gap since the last good reading, by device."""

    chance: F64  # probability of a visit, 0 to 1
    share: F64  # of the gap that lies after the visit, 0 to 1
    doubt: F64  # variance of `share`


def update_candidates(
    t: FilterState,
    law: Law,
    ahead: FillPrediction,
    fit: ReadingFit,
    reading: ReadingColumns,
) -> None:
    """Update the log odds and the state of open candidates by a reading."""
    _, z, passed, stuck = reading
    use = ~np.isnan(t["odds"]) & ~stuck
    if not use.any():
        return
    came = rate(t) * passed.days
    still = np.exp(-LEVELLED * ahead.deposits)
    level = t["open_level"] + came
    var = t["open_var"] + law.phi * came
    hump = t["open_hump"] * still**2 + t["rough"] * (1 - still**2)
    v = var + hump + law.noise
    sound = 0.85 * density(z - level, v)
    bag = 0.12 * density(z - level - law.big_mean, v + law.big_var + law.big_mean**2)
    if fit.full.any():
        beyond = tail((law.blind - level) / np.sqrt(v))
        sound = np.where(fit.full, 0.97 * beyond, sound)
        bag = np.where(fit.full, law.near / 2, bag)
    likely = sound + bag + from_nowhere(law, z, fit.full, level)
    odds = t["odds"] + np.log(likely) - np.log(fit.likely)
    share = np.where(fit.full, 0.0, sound / likely) * var / v
    moved = {
        "odds": np.where(odds < DROPPED, np.nan, odds),
        "open_level": level + share * (z - level),
        "open_var": var * (1 - share),
        "open_hump": hump,
        "open_since": t["open_since"] + passed.days,
    }
    for name, value in moved.items():
        t[name] = np.where(use, value, t[name])


def open_candidates(
    t: FilterState,
    law: Law,
    ahead: FillPrediction,
    fit: ReadingFit,
    reading: ReadingColumns,
    visit: VisitEstimate,
) -> None:
    """Open a candidate where a reading is as low as after an emptying."""
    at, z, passed, stuck = reading
    shown = ahead.f + ahead.h
    low = (fit.nu < -LOW * np.sqrt(fit.variance)) & (shown > LEAST) & ~stuck
    place = np.flatnonzero(low)
    if not len(place):
        return
    law = Law(*(np.asarray(column)[place] for column in law))
    part = {name: column[place] for name, column in t.items()}
    odds, level, var = _odds(
        part,
        law,
        LowReadings(shown[place], z[place], fit.likely[place], passed.good_days[place]),
        VisitEstimate(*(column[place] for column in visit)),
    )
    better = np.isnan(part["odds"]) | (odds > part["odds"])
    chosen = better & (odds > np.log(0.05))
    moved = {
        "odds": odds,
        "open_from": part["good_at"],
        "open_until": at[place],
        "open_level": level,
        "open_start": level,
        "open_var": var,
        "open_hump": np.zeros(len(place)),
        "open_gained": ahead.gained[place],
        "open_days": ahead.days[place],
        "open_since": np.zeros(len(place)),
    }
    for name, value in moved.items():
        t[name][place[chosen]] = value[chosen]


class LowReadings(NamedTuple):
    """Readings far below the prediction."""

    shown: F64  # predicted, %
    z: F64  # read, %
    likely: F64  # likelihood of the reading without an emptying
    days: F64  # warped days since the last good reading


def _odds(
    t: FilterState, law: Law, low: LowReadings, visit: VisitEstimate
) -> tuple[F64, F64, F64]:
    """Log odds of an emptying; the level after it and its variance."""
    shown, z, likely, days = low
    chance = visit.chance
    gap = rate(t) * days
    came = gap * visit.share
    mean = law.residue + came
    var = law.residue_var + law.phi * came + gap**2 * visit.doubt
    uneven = t["rough"] * (1 - np.exp(-2 * LEVELLED * came / law.mean))
    v = var + uneven + law.noise
    clean = 0.88 * density(z - mean, v + 1)
    rest = 0.12 * density(z - mean - 8, v + 80)
    far = z < shown - 12
    any_ = np.where(far, 0.03 * (1 - chance) / np.maximum(shown - 5, 10), 0.0)
    total = clean + rest + any_
    odds = np.log(np.maximum(chance / (1 - chance) * total, 1e-300)) - np.log(likely)
    sure = clean / np.maximum(total, 1e-300)
    near = mean + var / v * (z - mean)
    level = np.maximum(sure * near + (1 - sure) * z, 0)
    spread = sure * var * law.noise / v + (1 - sure) * law.noise
    return odds, level, spread + sure * (1 - sure) * (near - z) ** 2


def accept_candidates(
    t: FilterState, before: F64, interval_h: F64
) -> DetectedEmptyings:
    """Accept the candidates whose log odds suffice; the filter continues with them.

    The rate learns what was added since a candidate was opened. What it showed at first
    may have been left by the crew.
    `before`: fill before them (%); `interval_h`: hours from one reading to the next.
    """
    enough = np.clip(DECLARED - AN_HOUR_LESS * (interval_h - 1), SOONEST, DECLARED)
    with np.errstate(invalid="ignore"):
        which = t["odds"] > enough
    found = DetectedEmptyings(
        which, t["open_from"].copy(), t["open_until"].copy(), before - t["open_level"]
    )
    if not which.any():
        return found
    added = np.maximum(t["open_level"] - t["open_start"], LOSS)
    added = np.nan_to_num(added)  # opened by an older version
    moved: dict[str, F64 | float] = {
        "f": np.minimum(t["open_level"], HEAP),
        "h": 0.0,
        "ff": t["open_var"],
        "fh": 0.0,
        "hh": t["open_hump"],
        "gained": np.maximum(t["open_gained"] + added, 0),
        "days": t["open_days"] + t["open_since"],
        "unconfirmed": 0.0,
        "odds": np.nan,
        "pending": np.nan,
    }
    for name, value in moved.items():
        t[name] = np.where(which, value, t[name])
    return found
