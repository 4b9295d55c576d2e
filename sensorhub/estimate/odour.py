"""Odour rise: ammonia (ppm) above the estimated baseline of an electrochemical cell.

The zero error of a cell is about 1 ppm (Dräger NH3 TL: ±1 ppm, `standards.sensors`),
differs from cell to cell and drifts, so that the hub estimates the baseline from the
readings. The lowest value of the last days is not clean air: a cleaning that removes
90 % of the ammonia leaves a ninth of the fall in the air. The baseline is therefore the
lowest minimum less RESIDUE times the usual daily span. Urine takes hours to raise the
level; a jump from one reading to the next comes from chemicals (alcohol, disinfectant),
and the cell is ignored for half an hour. The time constants, RESIDUE and JUMP were
tuned on simulated toilets; `firmware-sim score` judges the alerts that rest on them
(G10). docs/rules.md describes the estimate for users.

The state of a cell is an array: `new_gas_cell`, then `observe_gas` for each reading.
"""

from array import array
from math import exp, isnan, nan
from statistics import median
from typing import NamedTuple

from sensorhub.model import NEVER

MINUTE_MS = 60_000
DAY_MS = 86_400_000
DAYS = 10  # whose minima and maxima are kept, besides today's
FAST_MS, SLOW_MS = 6 * MINUTE_MS, 30 * MINUTE_MS  # time constants of the averages
RESIDUE = 0.13  # share of the span still in the air at the minimum: 1/9 and a margin
JUMP = 0.25  # ppm above the fast average: chemicals
MASK_MS = 30 * MINUTE_MS  # time for which the cell is ignored
SETTLED_MS = 60 * MINUTE_MS  # a jump that lasts so long is the level of the toilet
WARM_MS = DAY_MS  # without an estimate after the start
COLD_MS = 2 * DAY_MS  # a gap after which the cell has to settle again
SOILING = 0.5  # share of the span by which dirt may change the minima of a week
DRIFT = 0.3  # ppm a week: the zero drifts
# a cleaning: a fall below the slow average by a share of the span, and at least by ppm
FALL_SHARE, LEAST_FALL_PPM = 0.3, 0.06
LOW_READINGS = 2  # in succession: a single low one after lost uplinks may be noise
LEAST_APART_MS = 3 * 60 * MINUTE_MS  # from one detected cleaning to the next
LAG_MS = 15 * MINUTE_MS  # from the begin of a cleaning until its fall is detected

# Indices of the state. Times are in ms, levels in ppm.
(
    LAST_AT,  # last reading
    USED_AT,  # last reading that was not ignored
    FAST,  # moving averages
    SLOW,
    TODAY,  # days since 1970, UTC
    TODAY_LOW,  # of the slow average
    TODAY_HIGH,
    MASKED_UNTIL,
    JUMPED_AT,
    STARTED_AT,  # first reading, or first after a long gap
    CLEANED_AT,  # last detected cleaning
    LOW_COUNT,  # readings in succession that show a fall
    ZERO_DRIFT,  # ppm in the last week
    RING_INDEX,  # of the oldest day in the rings
) = range(14)
MINIMA = RING_INDEX + 1  # ring of DAYS minima, then one of as many maxima
SIZE = MINIMA + 2 * DAYS
GasCellState = array  # of SIZE doubles


class GasObservation(NamedTuple):
    """Result of a reading."""

    rise: float | None = None  # ppm above clean air; None: unknown
    cleaned_at: int | None = None  # begin of a cleaning detected now, ms
    warming: bool = False  # the cell is in its first day, or has to settle again
    jump: bool = False  # a jump caused by chemicals
    drift: float | None = None  # of the zero in a week, ppm; given once a day


NOTHING = GasObservation()


def new_gas_cell() -> "GasCellState[float]":
    """The state of a cell without readings."""
    cell = array("d", [nan]) * SIZE
    for time in (LAST_AT, USED_AT, MASKED_UNTIL, JUMPED_AT, CLEANED_AT):
        cell[time] = NEVER
    cell[LOW_COUNT] = cell[ZERO_DRIFT] = cell[RING_INDEX] = 0.0
    return cell


def mask(cell: "GasCellState[float]", at: int) -> None:
    """Ignore the cell for MASK_MS after a cleaning at `at` (ms): it shows chemicals."""
    cell[MASKED_UNTIL] = max(cell[MASKED_UNTIL], at + MASK_MS)


def observe_gas(cell: "GasCellState[float]", at: int, value: float) -> GasObservation:
    """Observe a reading of `value` ppm at `at` (ms); NOTHING unless it is newer."""
    if at <= cell[LAST_AT]:
        return NOTHING
    if at - cell[LAST_AT] > COLD_MS:
        _restart(cell, at, value)
    cell[LAST_AT] = at
    warming = at - cell[STARTED_AT] < WARM_MS
    gap = at - cell[USED_AT]
    if at < cell[MASKED_UNTIL]:
        return GasObservation(warming=warming)
    if value - cell[FAST] > JUMP and gap < SETTLED_MS:
        cell[MASKED_UNTIL], cell[JUMPED_AT] = at + MASK_MS, at
        return GasObservation(warming=warming, jump=True)
    before, day = cell[SLOW], cell[TODAY]
    _average(cell, at, value, gap)
    span = _span(cell)
    drift = _zero_drift(cell, span) if cell[TODAY] != day else None
    if warming:
        return GasObservation(warming=True)
    minima = cell[MINIMA : MINIMA + DAYS]
    low = min([cell[TODAY_LOW], *(x for x in minima if not isnan(x))])
    rise = cell[FAST] - low + RESIDUE * span
    cleaned = _cleaning(cell, at, before - cell[FAST], span)
    return GasObservation(rise, cleaned, drift=drift)


def _restart(cell: "GasCellState[float]", at: int, value: float) -> None:
    """Restart after a gap; after more than DAYS the minima are dropped, too."""
    if at - cell[LAST_AT] > DAYS * DAY_MS:
        cell[:] = new_gas_cell()
    cell[STARTED_AT] = cell[USED_AT] = at
    cell[FAST] = cell[SLOW] = cell[TODAY_LOW] = cell[TODAY_HIGH] = value
    cell[TODAY] = at // DAY_MS


def _average(cell: "GasCellState[float]", at: int, value: float, gap: float) -> None:
    """Update the averages and the extremes of the day; `gap`: ms since the last."""
    cell[USED_AT] = at
    cell[FAST] += (1 - exp(-gap / FAST_MS)) * (value - cell[FAST])
    cell[SLOW] += (1 - exp(-gap / SLOW_MS)) * (value - cell[SLOW])
    slow = cell[SLOW]
    day = at // DAY_MS
    if day != cell[TODAY]:
        index = int(cell[RING_INDEX])
        cell[MINIMA + index] = cell[TODAY_LOW]
        cell[MINIMA + DAYS + index] = cell[TODAY_HIGH]
        cell[RING_INDEX] = (index + 1) % DAYS
        cell[TODAY], cell[TODAY_LOW], cell[TODAY_HIGH] = day, slow, slow
    cell[TODAY_LOW] = min(cell[TODAY_LOW], slow)
    cell[TODAY_HIGH] = max(cell[TODAY_HIGH], slow)


def _span(cell: "GasCellState[float]") -> float:
    """Median daily span of the level (maximum less minimum), ppm."""
    lows, highs = cell[MINIMA : MINIMA + DAYS], cell[MINIMA + DAYS :]
    spans = [b - a for a, b in zip(lows, highs, strict=True) if not isnan(a)]
    return median(spans) if spans else cell[TODAY_HIGH] - cell[TODAY_LOW]


def _zero_drift(cell: "GasCellState[float]", span: float) -> float | None:
    """Drift of the zero in a week, ppm beyond the effect of dirt; None: not known yet.

    Compares the minimum of the last three days with that of three days a week earlier.
    Where a toilet is cleaned irregularly, that changes by up to half of the span.
    """
    index = int(cell[RING_INDEX])
    lows = [cell[MINIMA + (index + i) % DAYS] for i in range(DAYS)]
    if any(map(isnan, lows)):
        return None
    change = abs(min(lows[-3:]) - min(lows[:3]))
    cell[ZERO_DRIFT] = max(0.0, change - SOILING * span)
    return cell[ZERO_DRIFT]


def zero_drifts(cell: "GasCellState[float]") -> bool:
    """Whether the zero of a cell drifts by DRIFT or more."""
    return cell[ZERO_DRIFT] >= DRIFT


def _cleaning(
    cell: "GasCellState[float]", at: int, fall: float, span: float
) -> int | None:
    """Begin (ms) of the cleaning shown by a `fall` (ppm below the slow average)."""
    small = fall < max(FALL_SHARE * span, LEAST_FALL_PPM)
    if small or at - cell[CLEANED_AT] < LEAST_APART_MS:
        cell[LOW_COUNT] = 0
        return None
    cell[LOW_COUNT] += 1
    chemicals = at - cell[JUMPED_AT] < SETTLED_MS + MASK_MS
    if cell[LOW_COUNT] < LOW_READINGS and not chemicals:
        return None
    began = cell[JUMPED_AT] if chemicals else at - LAG_MS
    cell[CLEANED_AT] = at
    return int(began)
