"""Odour by a gas cell whose zero nobody knows: the rise over what was never dirty.

An electrochemical cell has a zero error of about 1 ppm that differs from device to
device and drifts. The lowest of the last days is not clean air either: a cleaning
that takes 90 % away leaves a ninth of its fall. So the zero is put that far below the
lowest minimum. A leap between two readings is chemistry (alcohol, disinfectant), never
urine, which takes hours: the cell is left alone for half an hour.

State is one packed row a device: `new_nose`, then `sniff` reading by reading.
"""

from array import array
from math import exp, isnan, nan
from statistics import median
from typing import NamedTuple

from sensorhub.model import NEVER

MINUTE_MS = 60_000
DAY_MS = 86_400_000
DAYS = 10  # whose minima count, besides today's
DIRT, DRIFT = 0.5, 0.3  # share of the span; ppm in a week: a zero that wanders
FAST_MS, SLOW_MS = 6 * MINUTE_MS, 30 * MINUTE_MS
LEFT = 0.13  # of the span is still there at the lowest minimum
LEAP = 0.25  # ppm between readings: no urine
MASK_MS = 30 * MINUTE_MS
PATIENCE_MS = 60 * MINUTE_MS  # a leap that stays so long is the room's level
WARM_MS = DAY_MS
COLD_MS = 2 * DAY_MS  # without a reading: the cell has to settle again
FALL, LEAST_FALL = 0.3, 0.06  # share of the span, ppm: a cleaning
TWICE = 2  # one low reading after lost ones is noise
REST_MS = 3 * 60 * MINUTE_MS  # from one seen cleaning to the next
LAG_MS = 15 * MINUTE_MS  # a fall shows so long after it began

(AT, TAKEN, FAST, SLOW, DAY, LOW, HIGH, MASK, LEAPT, SINCE) = range(10)
(CLEANED, FELL, WANDERED, PLACE) = range(10, 14)
RING = PLACE + 1
SIZE = RING + 2 * DAYS
Nose = array  # of SIZE doubles


class Sniff(NamedTuple):
    """What a reading says: rise in ppm where known; when a cleaning began, ms."""

    rise: float | None = None
    cleaned_at: int | None = None
    warming: bool = False
    leap: bool = False
    drift: float | None = None  # ppm, once a day


NOTHING = Sniff()


def new_nose() -> "Nose[float]":
    """The state of a cell that never spoke."""
    nose = array("d", [nan]) * SIZE
    nose[AT] = nose[TAKEN] = nose[MASK] = nose[LEAPT] = nose[CLEANED] = NEVER
    nose[FELL] = nose[WANDERED] = nose[PLACE] = 0.0
    return nose


def mask(nose: "Nose[float]", at: int) -> None:
    """Somebody cleans at `at` (ms): what the cell shows then is chemistry."""
    nose[MASK] = max(nose[MASK], at + MASK_MS)


def sniff(nose: "Nose[float]", at: int, value: float) -> Sniff:
    """Take a reading (ms, ppm). One that is not newer says nothing."""
    if at <= nose[AT]:
        return NOTHING
    if at - nose[AT] > COLD_MS:
        _begin(nose, at, value)
    nose[AT] = at
    warming = at - nose[SINCE] < WARM_MS
    gap = at - nose[TAKEN]
    if at < nose[MASK]:
        return Sniff(warming=warming)
    if value - nose[FAST] > LEAP and gap < PATIENCE_MS:
        nose[MASK], nose[LEAPT] = at + MASK_MS, at
        return Sniff(warming=warming, leap=True)
    before, day = nose[SLOW], nose[DAY]
    _average(nose, at, value, gap)
    span = _span(nose)
    drift = _wander(nose, span) if nose[DAY] != day else None
    if warming:
        return Sniff(warming=True)
    low = min([nose[LOW], *(x for x in nose[RING : RING + DAYS] if not isnan(x))])
    rise = nose[FAST] - low + LEFT * span
    cleaned = _cleaning(nose, at, before - nose[FAST], span)
    return Sniff(rise, cleaned, drift=drift)


def _begin(nose: "Nose[float]", at: int, value: float) -> None:
    """The cell speaks first, or after a long time: today is all that is known."""
    if at - nose[AT] > DAYS * DAY_MS:
        nose[:] = new_nose()
    nose[SINCE] = nose[TAKEN] = at
    nose[FAST] = nose[SLOW] = nose[LOW] = nose[HIGH] = value
    nose[DAY] = at // DAY_MS


def _average(nose: "Nose[float]", at: int, value: float, gap: float) -> None:
    nose[TAKEN] = at
    nose[FAST] += (1 - exp(-gap / FAST_MS)) * (value - nose[FAST])
    nose[SLOW] += (1 - exp(-gap / SLOW_MS)) * (value - nose[SLOW])
    slow = nose[SLOW]
    day = at // DAY_MS
    if day != nose[DAY]:
        place = int(nose[PLACE])
        nose[RING + place], nose[RING + DAYS + place] = nose[LOW], nose[HIGH]
        nose[PLACE] = (place + 1) % DAYS
        nose[DAY], nose[LOW], nose[HIGH] = day, slow, slow
    nose[LOW], nose[HIGH] = min(nose[LOW], slow), max(nose[HIGH], slow)


def _span(nose: "Nose[float]") -> float:
    """How far the level usually moves within a day, ppm."""
    lows, highs = nose[RING : RING + DAYS], nose[RING + DAYS :]
    spans = [b - a for a, b in zip(lows, highs, strict=True) if not isnan(a)]
    return median(spans) if spans else nose[HIGH] - nose[LOW]


def _wander(nose: "Nose[float]", span: float) -> float | None:
    """How far the zero went in a week, ppm beyond what dirt explains.

    The lowest of three days against that of the three a week before; rooms that are
    cleaned now and then move by half of their span.
    """
    place = int(nose[PLACE])
    lows = [nose[RING + (place + i) % DAYS] for i in range(DAYS)]
    if any(map(isnan, lows)):
        return None
    moved = abs(min(lows[-3:]) - min(lows[:3]))
    nose[WANDERED] = max(0.0, moved - DIRT * span)
    return nose[WANDERED]


def wandered(nose: "Nose[float]") -> bool:
    """Whether the zero of a cell is on its way."""
    return nose[WANDERED] >= DRIFT


def _cleaning(nose: "Nose[float]", at: int, fall: float, span: float) -> int | None:
    """When the cleaning began that a fall (ppm below the slow average) shows."""
    if fall < max(FALL * span, LEAST_FALL) or at - nose[CLEANED] < REST_MS:
        nose[FELL] = 0
        return None
    nose[FELL] += 1
    chemistry = at - nose[LEAPT] < PATIENCE_MS + MASK_MS
    if nose[FELL] < TWICE and not chemistry:
        return None
    began = nose[LEAPT] if chemistry else at - LAG_MS
    nose[CLEANED] = at
    return int(began)
