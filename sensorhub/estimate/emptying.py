"""Seeing that somebody emptied it: a second track beside the filter's, and their odds.

A reading far below what was expected opens a candidate. Later readings are weighed
under both stories, emptied and not, until the odds decide; the filter goes on as if
nothing had been opened meanwhile. The time of an emptying is a bracket: after the
last good reading, before the first low one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.fill import (
    HEAP,
    LEVELLED,
    Ahead,
    Fit,
    Flags,
    Passed,
    State,
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


class Emptied(NamedTuple):
    """Which devices saw an emptying; the bracket (ms); what was taken out (%)."""

    which: Flags
    begin: I64
    end: I64
    amount: F64


class Visit(NamedTuple):
    """A crew's visit since the last good reading: its chance (0 to 1); which share of
    the time has passed since then, and the variance of that."""

    chance: F64
    share: F64
    doubt: F64


def weigh(
    t: State,
    law: Law,
    ahead: Ahead,
    fit: Fit,
    z: F64,
    passed: Passed,
    stuck: Flags,
) -> None:
    """Let the reading speak for or against the candidates that are open."""
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


def open_(
    t: State,
    law: Law,
    ahead: Ahead,
    fit: Fit,
    reading: tuple[I64, F64],
    passed: Passed,
    visit: Visit,
    stuck: Flags,
) -> None:
    """Open a candidate where a reading is too low, as an emptying would make it."""
    at, z = reading
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
        shown[place],
        fit.likely[place],
        z[place],
        passed.good_days[place],
        Visit(*(column[place] for column in visit)),
    )
    better = np.isnan(part["odds"]) | (odds > part["odds"])
    chosen = better & (odds > np.log(0.05))
    moved = {
        "odds": odds,
        "open_from": part["good_at"],
        "open_until": at[place],
        "open_level": level,
        "open_var": var,
        "open_hump": np.zeros(len(place)),
        "open_gained": ahead.gained[place],
        "open_days": ahead.days[place],
        "open_since": (passed.good_days * visit.share)[place],
    }
    for name, value in moved.items():
        t[name][place[chosen]] = value[chosen]


def _odds(
    t: State, law: Law, shown: F64, likely: F64, z: F64, days: F64, visit: Visit
) -> tuple[F64, F64, F64]:
    """Log odds of an emptying; level after it and its variance."""
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


def declare(t: State, law: Law, before: F64, interval_h: F64) -> Emptied:
    """Take the emptyings whose odds are good enough.

    `before`: fill before them (%); `interval_h`: hours from one reading to the next.
    """
    enough = np.clip(DECLARED - AN_HOUR_LESS * (interval_h - 1), SOONEST, DECLARED)
    with np.errstate(invalid="ignore"):
        which = t["odds"] > enough
    found = Emptied(
        which, t["open_from"].copy(), t["open_until"].copy(), before - t["open_level"]
    )
    if not which.any():
        return found
    moved: dict[str, F64 | float] = {
        "f": np.minimum(t["open_level"], HEAP),
        "h": 0.0,
        "ff": t["open_var"],
        "fh": 0.0,
        "hh": t["open_hump"],
        "gained": t["open_gained"] + np.maximum(t["open_level"] - law.residue, 0),
        "days": t["open_days"] + t["open_since"],
        "odds": np.nan,
        "pending": np.nan,
    }
    for name, value in moved.items():
        t[name] = np.where(which, value, t[name])
    return found
