"""Compare real curves with those of traces."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import NamedTuple

import numpy as np

from firmware_sim.reality.curves import F64, FillCurve
from firmware_sim.reality.measures import CurveMeasures, measure


class CurveSet(NamedTuple):
    """The measures of all containers of a real place, or of one trace."""

    measures: list[CurveMeasures]

    def median(self, figure: str) -> float:
        """Return the median of a figure over the containers."""
        return float(np.nanmedian([m.figures[figure] for m in self.measures]))

    def quartiles(self, figure: str) -> tuple[float, float]:
        """Return the quartiles of a figure over the containers."""
        values = [m.figures[figure] for m in self.measures]
        low, high = np.nanquantile(values, (0.25, 0.75))
        return float(low), float(high)

    def profile(self, name: str) -> F64:
        """Return the mean over the containers of `day` or `week`, both of mean 1."""
        rows = np.array([getattr(m, name) for m in self.measures])
        rows = rows[np.isfinite(rows).all(axis=1)]
        found: F64 = rows.mean(axis=0)
        return found

    def pooled(self, name: str) -> F64:
        """Return all `rises` or `emptied` of the containers."""
        return np.concatenate([getattr(m, name) for m in self.measures])


class TraceGroup(NamedTuple):
    """Traces of one scenario, one per seed; or the real curves alone."""

    name: str
    curve_sets: list[CurveSet]


def measure_curves(curves: Sequence[FillCurve], every_h: float) -> CurveSet:
    """Measure all curves of a place, thinned to one reading in `every_h` hours."""
    return CurveSet([measure(curve, every_h) for curve in curves])


def rows(real: CurveSet, groups: Sequence[TraceGroup]) -> list[list[str]]:
    """Return one row per figure.

    Columns: name, real median with quartiles, mean and deviation of each group's seeds.
    """
    found = []
    for figure in real.measures[0].figures:
        low, high = real.quartiles(figure)
        row = [figure, f"{real.median(figure):.3g} ({low:.3g} to {high:.3g})"]
        for group in groups:
            values = [curves.median(figure) for curves in group.curve_sets]
            row.append(_mean_text(values))
        found.append(row)
    return found


def _mean_text(values: Sequence[float]) -> str:
    """Return the mean, and the deviation if it is at least 0.1 % of it."""
    center, spread = mean(values), stdev(values) if len(values) > 1 else 0.0
    relevant = spread >= abs(center) / 1000 > 0
    return f"{center:.3g} ± {spread:.2g}" if relevant else f"{center:.3g}"
