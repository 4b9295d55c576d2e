"""Odour rise over the estimated baseline of a gas cell.

An electrochemical cell has a zero error of about 1 ppm that differs from device to
device and drifts. The lowest value of the last days is not clean air either: a cleaning
that removes 90 % leaves a ninth of its fall. The baseline is set that far below the
lowest minimum. A leap between two readings is chemistry (alcohol, disinfectant), never
urine, which takes hours: the cell is ignored for half an hour.

The state is one packed row per device: `new_gas_cell`, then `observe_gas` for each
reading.
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


class GasObservation(NamedTuple):
    """Result of a reading: rise in ppm where known; begin of a cleaning, ms."""

    rise: float | None = None
    cleaned_at: int | None = None
    warming: bool = False
    leap: bool = False
    drift: float | None = None  # ppm, once a day


NOTHING = GasObservation()


def new_gas_cell() -> "Nose[float]":
    """The state of a cell without readings."""
    cell = array("d", [nan]) * SIZE
    cell[AT] = cell[TAKEN] = cell[MASK] = cell[LEAPT] = cell[CLEANED] = NEVER
    cell[FELL] = cell[WANDERED] = cell[PLACE] = 0.0
    return cell


def mask(cell: "Nose[float]", at: int) -> None:
    """Ignore the cell for a while after a cleaning at `at` (ms): it shows chemistry."""
    cell[MASK] = max(cell[MASK], at + MASK_MS)


def observe_gas(cell: "Nose[float]", at: int, value: float) -> GasObservation:
    """Observe a reading (ms, ppm). A reading that is not newer has no result."""
    if at <= cell[AT]:
        return NOTHING
    if at - cell[AT] > COLD_MS:
        _begin(cell, at, value)
    cell[AT] = at
    warming = at - cell[SINCE] < WARM_MS
    gap = at - cell[TAKEN]
    if at < cell[MASK]:
        return GasObservation(warming=warming)
    if value - cell[FAST] > LEAP and gap < PATIENCE_MS:
        cell[MASK], cell[LEAPT] = at + MASK_MS, at
        return GasObservation(warming=warming, leap=True)
    before, day = cell[SLOW], cell[DAY]
    _average(cell, at, value, gap)
    span = _span(cell)
    drift = _wander(cell, span) if cell[DAY] != day else None
    if warming:
        return GasObservation(warming=True)
    low = min([cell[LOW], *(x for x in cell[RING : RING + DAYS] if not isnan(x))])
    rise = cell[FAST] - low + LEFT * span
    cleaned = _cleaning(cell, at, before - cell[FAST], span)
    return GasObservation(rise, cleaned, drift=drift)


def _begin(cell: "Nose[float]", at: int, value: float) -> None:
    """Start the baseline anew: the first reading, or the first after a long time."""
    if at - cell[AT] > DAYS * DAY_MS:
        cell[:] = new_gas_cell()
    cell[SINCE] = cell[TAKEN] = at
    cell[FAST] = cell[SLOW] = cell[LOW] = cell[HIGH] = value
    cell[DAY] = at // DAY_MS


def _average(cell: "Nose[float]", at: int, value: float, gap: float) -> None:
    cell[TAKEN] = at
    cell[FAST] += (1 - exp(-gap / FAST_MS)) * (value - cell[FAST])
    cell[SLOW] += (1 - exp(-gap / SLOW_MS)) * (value - cell[SLOW])
    slow = cell[SLOW]
    day = at // DAY_MS
    if day != cell[DAY]:
        place = int(cell[PLACE])
        cell[RING + place], cell[RING + DAYS + place] = cell[LOW], cell[HIGH]
        cell[PLACE] = (place + 1) % DAYS
        cell[DAY], cell[LOW], cell[HIGH] = day, slow, slow
    cell[LOW], cell[HIGH] = min(cell[LOW], slow), max(cell[HIGH], slow)


def _span(cell: "Nose[float]") -> float:
    """Usual range of the level within a day, ppm."""
    lows, highs = cell[RING : RING + DAYS], cell[RING + DAYS :]
    spans = [b - a for a, b in zip(lows, highs, strict=True) if not isnan(a)]
    return median(spans) if spans else cell[HIGH] - cell[LOW]


def _wander(cell: "Nose[float]", span: float) -> float | None:
    """Drift of the zero in a week, ppm beyond the effect of dirt.

    The lowest of three days against that of the three a week before; rooms that are
    cleaned now and then move by half of their span.
    """
    place = int(cell[PLACE])
    lows = [cell[RING + (place + i) % DAYS] for i in range(DAYS)]
    if any(map(isnan, lows)):
        return None
    moved = abs(min(lows[-3:]) - min(lows[:3]))
    cell[WANDERED] = max(0.0, moved - DIRT * span)
    return cell[WANDERED]


def wandered(cell: "Nose[float]") -> bool:
    """Whether the zero of a cell drifts."""
    return cell[WANDERED] >= DRIFT


def _cleaning(cell: "Nose[float]", at: int, fall: float, span: float) -> int | None:
    """Begin of the cleaning shown by a fall (ppm below the slow average)."""
    if fall < max(FALL * span, LEAST_FALL) or at - cell[CLEANED] < REST_MS:
        cell[FELL] = 0
        return None
    cell[FELL] += 1
    chemistry = at - cell[LEAPT] < PATIENCE_MS + MASK_MS
    if cell[FELL] < TWICE and not chemistry:
        return None
    began = cell[LEAPT] if chemistry else at - LAG_MS
    cell[CLEANED] = at
    return int(began)
