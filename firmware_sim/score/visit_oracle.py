"""An oracle of alarms: will the bin be full before somebody comes, at odds of 30 %?

It knows what the oracle of due bins knows, and when crews come: their rounds, or how
often a bin was emptied in each hour of the week. It does not know which rounds will be
missed.
"""

import tomllib
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_sim.score.hub_output import ScoredAlert
from firmware_sim.score.oracle import dispersion, fillings, spans_of
from firmware_sim.score.truth import (
    DAY_MS,
    FULL,
    HOUR_MS,
    GroundTruth,
    ScoreError,
    TrueFill,
)
from firmware_sim.town.roster import WEEKDAYS

F64 = NDArray[np.float64]
ODDS = 0.3
WEEK_H = 168
THURSDAY_H = 72  # 1970-01-01 was a Thursday; hours from Monday
_Z = np.linspace(-6, 6, 1201)
_BELOW = np.array([NormalDist().cdf(z) for z in _Z.tolist()])


class RoundOfWeek(NamedTuple):
    """A round: for which assets, and its local hours of the week (0: Monday 00 h)."""

    zone: str
    tags: frozenset[str]
    hours: tuple[float, ...]


class _Hours(NamedTuple):
    """The full hours at which the oracle decides on a bin."""

    times: NDArray[np.int64]
    local: F64  # hours of the week
    level: F64
    filling: NDArray[np.intp]


def read_rounds(path: Path) -> list[RoundOfWeek]:
    """Read the rounds of a trace. Raises ScoreError."""
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("rounds", [])
        return [
            RoundOfWeek(
                table["zone"],
                frozenset(table.get("tags", ())),
                tuple(
                    WEEKDAYS.index(day) * 24 + int(time[:2]) + int(time[3:]) / 60
                    for day in table["weekdays"]
                    for time in table["times"]
                ),
            )
            for table in tables
        ]
    except OSError as error:
        raise ScoreError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ScoreError(f"{path}: no rounds of a trace: {error}") from error


def by_rounds(truth: GroundTruth, rounds: list[RoundOfWeek]) -> list[ScoredAlert]:
    """Return the alarms of an oracle that knows the rounds."""
    found = []
    for asset, fill in truth.fills.items():
        hours = _hours(truth, asset, fill)
        horizon = _hours_to_round(truth, asset, rounds, hours)
        raises = np.zeros(len(hours.times), np.bool_)
        for ahead, chance in enumerate(_chances(truth, asset, fill, hours)):
            raises |= (chance >= ODDS) & (ahead <= horizon)
        found += spans_of(asset, hours.times, raises, hours.filling)
    return found


def by_habit(truth: GroundTruth) -> list[ScoredAlert]:
    """Return the alarms of an oracle that knows how often crews come at which hours."""
    found = []
    for asset, fill in truth.fills.items():
        hours = _hours(truth, asset, fill)
        comes, seen = _habit(truth, asset), _emptied_this_hour(truth, asset, hours)
        chance, not_yet = np.zeros(len(hours.times)), np.ones(len(hours.times))
        full = chance
        for ahead, full in enumerate(_chances(truth, asset, fill, hours)):
            now = comes[(hours.local.astype(np.intp) + ahead) % WEEK_H]
            now = np.where(seen & (ahead == 0), 0.0, now)
            chance = chance + not_yet * now * full
            not_yet = not_yet * (1 - now)
        raises = chance + not_yet * full >= ODDS
        found += spans_of(asset, hours.times, raises, hours.filling)
    return found


def _hours(truth: GroundTruth, asset: str, fill: TrueFill) -> _Hours:
    steps = np.arange(0, len(fill.fill), HOUR_MS // fill.step_ms)
    times = fill.start + steps * fill.step_ms
    local = ((times + truth.offset_ms) / HOUR_MS + THURSDAY_H) % WEEK_H
    return _Hours(times, local, fill.fill[steps], fillings(truth, asset, times))


def _chances(
    truth: GroundTruth, asset: str, fill: TrueFill, hours: _Hours
) -> list[F64]:
    """Return the chance of having been full, from now on and for each hour ahead."""
    week = truth.weeks[truth.kinds[asset]] * truth.rates[asset] / 24
    spread, keeps = dispersion(fill), float(np.exp(-fill.settling))
    level, came = hours.level, np.zeros(len(hours.level))
    found = [np.where(level >= FULL, 1.0, 0.0)]
    for ahead in range(WEEK_H):
        more = week[(hours.local.astype(np.intp) + ahead) % WEEK_H]
        level, came = level * keeps + more, came + more
        z = (level - FULL) / np.sqrt(np.maximum(came * spread, 1e-9))
        found.append(np.maximum(found[-1], np.interp(z, _Z, _BELOW)))
    return found


def _hours_to_round(
    truth: GroundTruth, asset: str, rounds: list[RoundOfWeek], hours: _Hours
) -> F64:
    """Return in how many hours the next round begins; 0 while one has yet to come.

    A round may come until an hour after it began.
    """
    place = truth.places[asset]
    found = np.full(len(hours.times), float(WEEK_H))
    for each in rounds:
        if each.zone != place.zone or not each.tags <= set(place.tags):
            continue
        for hour in each.hours:
            since = (hours.local - hour) % WEEK_H
            began = hours.times - (since * HOUR_MS).astype(np.int64)
            came = fillings(truth, asset, began - 1) < hours.filling
            left = np.where((since < 1) & ~came, 0.0, WEEK_H - since)
            found = np.minimum(found, np.ceil(left))
    return found


def _habit(truth: GroundTruth, asset: str) -> F64:
    """Return by hour of the week how likely a bin is emptied in it."""
    at = np.array([emptying.at for emptying in truth.emptied[asset]], np.int64)
    hour = ((at + truth.offset_ms) // HOUR_MS + THURSDAY_H) % WEEK_H
    weeks = max(truth.days * DAY_MS / (WEEK_H * HOUR_MS), 1)
    return np.minimum(np.bincount(hour, minlength=WEEK_H) / weeks, 1.0)


def _emptied_this_hour(
    truth: GroundTruth, asset: str, hours: _Hours
) -> NDArray[np.bool_]:
    """Return whether a bin was emptied since the clock last struck."""
    struck = hours.times - ((hours.local % 1) * HOUR_MS).astype(np.int64)
    return fillings(truth, asset, struck - 1) < hours.filling
