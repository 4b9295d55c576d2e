"""Curves of several origins side by side."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import NamedTuple

import numpy as np

from firmware_sim.reality.curves import F64, FillCurve
from firmware_sim.reality.measures import CurveMeasures, shape


class CurveSet(NamedTuple):
    """Containers of one real place, or of one trace."""

    shapes: list[CurveMeasures]

    def middle(self, figure: str) -> float:
        """Median over the containers."""
        return float(np.nanmedian([s.figures[figure] for s in self.shapes]))

    def quartiles(self, figure: str) -> tuple[float, float]:
        """Over the containers."""
        values = [s.figures[figure] for s in self.shapes]
        low, high = np.nanquantile(values, (0.25, 0.75))
        return float(low), float(high)

    def profile(self, name: str) -> F64:
        """Mean over the containers of `day` or `week`, of mean 1."""
        rows = np.array([getattr(s, name) for s in self.shapes])
        rows = rows[np.isfinite(rows).all(axis=1)]
        found: F64 = rows.mean(axis=0)
        return found

    def pooled(self, name: str) -> F64:
        """All `rises` or `emptied` of the containers."""
        return np.concatenate([getattr(s, name) for s in self.shapes])


class TraceGroup(NamedTuple):
    """Traces of one scenario, one a seed; or what is real, alone."""

    name: str
    towns: list[CurveSet]


def town(curves: Sequence[FillCurve], every_h: float) -> CurveSet:
    """Measure all curves of a place."""
    return CurveSet([shape(curve, every_h) for curve in curves])


def rows(real: CurveSet, groups: Sequence[TraceGroup]) -> list[list[str]]:
    """A row a figure: its name, real with quartiles, each group's mean and deviation
    over the seeds."""
    found = []
    for figure in real.shapes[0].figures:
        low, high = real.quartiles(figure)
        row = [figure, f"{real.middle(figure):.3g} ({low:.3g} to {high:.3g})"]
        for group in groups:
            values = [town.middle(figure) for town in group.towns]
            row.append(_mean(values))
        found.append(row)
    return found


def _mean(values: Sequence[float]) -> str:
    """With the deviation, where it is one in a thousand and more."""
    middle, spread = mean(values), stdev(values) if len(values) > 1 else 0.0
    seen = spread >= abs(middle) / 1000 > 0
    return f"{middle:.3g} ± {spread:.2g}" if seen else f"{middle:.3g}"
