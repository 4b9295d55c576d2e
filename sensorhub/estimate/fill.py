"""Fill level estimation: a Kalman filter over level readings, with uncertainty.

True fill f and the surface hump h under the beam are followed together (a Kalman
filter of two states), because the hump does not average out until things are thrown
in. Gains are compound Poisson in warped time. A reading is a sound one, one after a
big bag, or an echo from nowhere; the three are mixed by their likelihoods. Time and
hump are in percent of the volume; docs/estimation.md has model and results.

Pure; columns by device; at most one reading a device in a call, newer than its last.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensorhub.estimate.law import Law
from sensorhub.estimate.normal import ROOT_2PI, density, tail
from sensorhub.estimate.tables import DeviceTable
from sensorhub.model import NEVER

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
FilterState = dict[str, NDArray[Any]]
USUAL_RATE = 27.0  # % a day
EVENTS = 3.0  # deposits' worth of weight that the usual rate has
MEMORY_D = 60.0  # warped days
FEWEST_RATE = 0.5  # % a day
SOUND = 0.97
MANY = 0.4  # big bags expected: too many for a branch of their own
LEVELLED = 0.105  # share of the hump that a deposit evens out
DRIFT = 0.002  # %² an hour
HEAP = 120.0  # % above which a heap is not followed
LOSS = -4.0  # % a step: more is no loss of volume
SHOWN_FULL = 0.5  # % below what a reading shows at its blind zone
MISREAD = 0.1  # of first readings: they may show any level
MIDDLE, ANYWHERE = 50.0, 100.0**2 / 12  # mean and variance of any level, %

SPEC = {
    "at": (np.int64, NEVER),
    "good_at": (np.int64, NEVER),
    "since": (np.int64, NEVER),
    "served": (np.int64, NEVER),  # until when the last emptying was over
    "z": (np.float64, np.nan),
    "pending": (np.float64, np.nan),
    "f": (np.float64, 0),
    "h": (np.float64, 0),
    "ff": (np.float64, 0),
    "fh": (np.float64, 0),
    "hh": (np.float64, 0),
    "gained": (np.float64, 0),
    "days": (np.float64, 0),
    "rough": (np.float64, 0),
    # 1: the level is a first reading, or what a crew said; no reading has confirmed it
    "unconfirmed": (np.float64, 0),
    "odds": (np.float64, np.nan),
    "open_from": (np.int64, 0),
    "open_until": (np.int64, 0),
    "open_level": (np.float64, 0),
    "open_start": (np.float64, np.nan),  # the same when the candidate was opened
    "open_var": (np.float64, 0),
    "open_hump": (np.float64, 0),
    "open_gained": (np.float64, 0),
    "open_days": (np.float64, 0),
    "open_since": (np.float64, 0),
    # a day begins: what is known then; and what the last whole day brought, %
    "mark_at": (np.int64, NEVER),
    "mark": (np.float64, np.nan),
    "mark_rate": (np.float64, np.nan),
    "day_rate": (np.float64, np.nan),
}


class ElapsedTime(NamedTuple):
    """Time since the last reading, and since the last good one."""

    hours: F64
    days: F64  # warped
    good_hours: F64
    good_days: F64  # warped


class ReadingColumns(NamedTuple):
    """One level reading (ms, %) of each device, and the time since the one before."""

    at: NDArray[np.int64]
    z: F64
    elapsed: ElapsedTime
    stuck: Flags  # the sensor repeats its value for longer than usual


class FillPrediction(NamedTuple):
    """The predicted state at the time of a reading, before it is used."""

    f: F64
    h: F64
    ff: F64
    fh: F64
    hh: F64
    kept: F64  # share of the old fill after settling
    deposits: F64
    mean: F64  # % that came, as far as expected
    big: F64  # chance of a big bag
    few: Flags  # big bags have a branch of their own
    gained: F64  # % and warped days: what the rate rests on
    days: F64


class ReadingFit(NamedTuple):
    """The fit of a reading to the prediction."""

    nu: F64
    variance: F64
    full: Flags  # it shows the blind zone
    likely: F64  # of the reading, all branches together
    odd: F64  # chance that it is an echo from nowhere


def new_fills(devices: int) -> DeviceTable:
    """The filter states of devices without readings."""
    return DeviceTable(SPEC, devices)


def begin(
    t: FilterState, law: Law, fresh: Flags, at: NDArray[np.int64], z: F64
) -> None:
    """Take the first readings of devices: the level is all that is known.

    It may be misread: alone it makes no bin due.
    """
    if not fresh.any():
        return
    rough = law.rough
    days = EVENTS * law.phi / USUAL_RATE
    level = np.clip(z, 0, 100)
    doubt = MISREAD * (ANYWHERE + (1 - MISREAD) * (level - MIDDLE) ** 2)
    first: dict[str, F64 | NDArray[np.int64] | float] = {
        **dict.fromkeys(("good_at", "since"), at),
        **dict.fromkeys(("rough", "hh"), rough),
        "h": 0.0,
        **dict.fromkeys(("pending", "odds", "day_rate"), np.nan),
        "mark_at": NEVER,
        "z": z,
        "f": level,
        "ff": rough + law.noise + doubt,
        "fh": -rough,
        "unconfirmed": 1.0,
        "gained": USUAL_RATE * days,
        "days": days,
    }
    for name, value in first.items():
        t[name] = np.where(fresh, value, t[name])


def rate(t: FilterState) -> F64:
    """Percent a warped day, gross."""
    found: F64 = np.maximum(t["gained"] / t["days"], FEWEST_RATE)
    return found


def expect(
    t: FilterState, law: Law, passed: ElapsedTime, settling: F64, stuck: Flags
) -> FillPrediction:
    """Go on to the moment of the reading."""
    r, days = rate(t), passed.days
    deposits = r * days / law.mean
    level = np.exp(-LEVELLED * deposits)
    kept = np.exp(-settling * passed.hours)
    big = law.big * deposits
    few = (big <= MANY) & ~stuck
    mean = r * days * np.where(few, 1 - law.big_volume, 1.0)
    spread = np.where(few, law.phi_small, law.phi) * r * days
    return FillPrediction(
        f=np.minimum(kept * t["f"] + mean, HEAP),
        h=level * t["h"],
        ff=kept**2 * t["ff"]
        + days**2 * r * law.phi / t["days"]
        + spread
        + DRIFT * passed.hours,
        fh=level * kept * t["fh"],
        hh=level**2 * t["hh"] + t["rough"] * (1 - level**2),
        kept=kept,
        deposits=deposits,
        mean=mean,
        big=np.where(few, big, 0.0),
        few=few,
        gained=t["gained"],
        days=t["days"],
    )


def correct(
    t: FilterState, law: Law, ahead: FillPrediction, z: F64, stuck: Flags
) -> ReadingFit:
    """Mix the three branches; moves f, h and their covariances."""
    full = z >= law.blind - SHOWN_FULL
    r = rate(t)
    waits = np.where(ahead.few, ahead.deposits * law.mean * law.big_volume, 0.0)
    spread = np.where(ahead.few, (law.phi - law.phi_small) * r, 0.0)
    zero = np.zeros_like(z)
    f = np.stack((ahead.f, ahead.f + law.big_mean, ahead.f + waits))
    odd_var = spread * ahead.deposits * law.mean / r
    ff = ahead.ff + np.stack((zero, law.big_var, odd_var))
    shown = f[:2] + ahead.h
    variance = ff[:2] + 2 * ahead.fh + ahead.hh + law.noise
    weight, nu, sharp = _branches(law, z, full, shown, variance)
    likes_big = nu[0] > 0.3 * np.sqrt(variance[0])
    weight[0] *= SOUND * (1 - ahead.big)
    weight[1] *= ahead.big * (likes_big | full)
    odd = from_nowhere(law, z, full, shown[0])
    likely = weight[0] + weight[1] + odd
    w = np.stack((weight[0], weight[1], odd)) / likely
    gain_f = (ff[:2] + ahead.fh) / variance
    gain_h = (ahead.fh + ahead.hh) / variance
    less = sharp * variance
    fs = np.concatenate((f[:2] + gain_f * nu, f[2:]))
    hs = np.concatenate((ahead.h + gain_h * nu, ahead.h[None]))
    ffs = np.concatenate((ff[:2] - gain_f**2 * less, ff[2:]))
    fhs = np.concatenate((ahead.fh - gain_f * gain_h * less, ahead.fh[None]))
    hhs = np.concatenate((ahead.hh - gain_h**2 * less, ahead.hh[None]))
    new_f, new_h = (w * fs).sum(0), (w * hs).sum(0)
    df, dh = fs - new_f, hs - new_h
    moved = {
        "f": (new_f, ahead.f),
        "h": (new_h, ahead.h),
        "ff": ((w * (ffs + df * df)).sum(0), ahead.ff),
        "fh": ((w * (fhs + df * dh)).sum(0), ahead.fh),
        "hh": ((w * (hhs + dh * dh)).sum(0), ahead.hh),
    }
    for name, (seen, unseen) in moved.items():
        t[name] = np.where(stuck, unseen, seen)
    return ReadingFit(z - shown[0], variance[0], full, likely, w[2])


def _branches(
    law: Law, z: F64, full: Flags, shown: F64, variance: F64
) -> tuple[F64, F64, F64]:
    """Of two branches: likelihood, innovation, and how much a reading sharpens.

    A reading in the blind zone says only that the level is beyond it: a normal
    distribution that is cut off there.
    """
    nu = z - shown
    weight = density(nu, variance)
    sharp = np.ones_like(nu)
    if full.any():
        root = np.sqrt(variance)
        a = (law.blind - shown) / root
        beyond = np.maximum(tail(a), 1e-12)
        slope = np.exp(-0.5 * a * a) / ROOT_2PI / beyond
        weight = np.where(full, beyond, weight)
        nu = np.where(full, root * slope, nu)
        sharp = np.where(full, np.clip(slope * (slope - a), 0, 1), sharp)
    return weight, nu, sharp


def from_nowhere(law: Law, z: F64, full: Flags, shown: F64) -> F64:
    """Likelihood of an echo from nowhere: near ones anywhere, lost ones at the end."""
    near = np.maximum(law.near, 1e-4)
    above = near / np.maximum(116 - shown, 15)
    below = law.missed * np.where(z < 1, 0.85 / 1.5, 0.0015) + near / 1000
    found: F64 = np.where(full, near / 2, np.where(z > shown, above, below))
    return found


def agree(
    t: FilterState,
    law: Law,
    ahead: FillPrediction,
    z: F64,
    fit: ReadingFit,
    stuck: Flags,
) -> None:
    """Two odd high readings on one level are a real jump, found one report late."""
    high = (fit.odd > 0.5) & (fit.nu > 0) & ~fit.full & ~stuck
    twice = high & (np.abs(z - t["pending"]) <= 3 * np.sqrt(law.noise) + 2)
    t["pending"] = np.where(high & ~twice, z, np.nan)
    if not twice.any():
        return
    nu = fit.nu
    ff, hh = ahead.ff + 0.7 * nu**2, ahead.hh + 0.2 * nu**2
    variance = ff + 2 * ahead.fh + hh + law.noise
    gain_f, gain_h = (ff + ahead.fh) / variance, (ahead.fh + hh) / variance
    jumped = {
        "f": ahead.f + gain_f * nu,
        "h": ahead.h + gain_h * nu,
        "ff": ff - gain_f**2 * variance,
        "fh": ahead.fh - gain_f * gain_h * variance,
        "hh": hh - gain_h**2 * variance,
    }
    for name, value in jumped.items():
        t[name] = np.where(twice, value, t[name])
    fit.odd[twice] = 0.0
