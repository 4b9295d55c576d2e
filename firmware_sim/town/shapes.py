"""Shapes of bins: height, volume, and the level as a function of the fill."""

from dataclasses import dataclass

import numpy as np

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario

Outline = tuple[tuple[float, float], ...]  # shares of the height and of the volume
STRAIGHT: Outline = ((0.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True, slots=True)
class BinShapes:
    """Shapes as columns by bin."""

    kind: tuple[str, ...]
    height_cm: F64
    volume_l: F64
    head_cm: F64  # from the sensor down to the full mark
    outline: tuple[Outline, ...]  # by bin
    curved: tuple[tuple[I64, Outline], ...]  # rows and outline of other than straight

    def level(self, fill: F64) -> F64:
        """Return the level (% of the height) at a fill (% of the volume)."""
        if not self.curved:
            return fill
        found = fill.copy()
        for rows, outline in self.curved:
            heights, volumes = (100 * np.array(outline)).T
            inside = np.interp(fill[rows], volumes, heights)
            found[rows] = inside + np.maximum(fill[rows] - 100, 0)
        return found

    def points(self, row: int) -> str:
        """Return distances (mm) and litres for a register; empty if straight."""
        outline = self.outline[row]
        if outline == STRAIGHT:
            return ""
        full, height = 10 * self.head_cm[row], 10 * self.height_cm[row]
        litres = self.volume_l[row]
        return " ".join(
            f"{full + height * (1 - level):.0f}:{litres * volume:.1f}"
            for level, volume in outline
        )


def make_shapes(scenario: Scenario, seed: int) -> BinShapes:
    """Draw the shape of each bin: the usual one, or one of the scenario's shapes."""
    n, usual = scenario.town.bins, scenario.bin
    kind, outline = ["bin"] * n, list[Outline]([STRAIGHT] * n)
    height, volume = np.full(n, usual.height_cm), np.full(n, usual.volume_l)
    head = np.full(n, usual.head_room_cm)
    drawn, low, curved = RandomStream(seed, "shapes").uniform(n), 0.0, []
    for shape in scenario.shapes.values():
        rows = np.flatnonzero((low <= drawn) & (drawn < low + shape.share))
        low += shape.share
        height[rows], volume[rows] = shape.height_cm, shape.volume_l
        head[rows] = shape.head_room_cm
        for row in rows.tolist():
            kind[row], outline[row] = shape.kind, shape.outline
        if shape.outline != STRAIGHT:
            curved.append((rows, shape.outline))
    return BinShapes(
        kind=tuple(kind),
        height_cm=height.astype(np.float64),
        volume_l=volume.astype(np.float64),
        head_cm=head.astype(np.float64),
        outline=tuple(outline),
        curved=tuple(curved),
    )
