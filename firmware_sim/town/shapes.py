"""What bins are like inside: height, volume, and how the level goes with the fill."""

from dataclasses import dataclass

import numpy as np

from firmware_sim.rng import F64, I64, RandomStream
from firmware_sim.scenario import Scenario

Outline = tuple[tuple[float, float], ...]  # shares of the height and of the volume
STRAIGHT: Outline = ((0.0, 0.0), (1.0, 1.0))


@dataclass(frozen=True, slots=True)
class BinShapes:
    """Columns by bin, and the outlines that are not straight."""

    kind: tuple[str, ...]
    height_cm: F64
    volume_l: F64
    head_cm: F64  # from the sensor down to the full mark
    outline: tuple[Outline, ...]  # by bin
    bent: tuple[tuple[I64, Outline], ...]  # rows, outline

    def level(self, fill: F64) -> F64:
        """The level (% of the height) at a fill (% of the volume)."""
        if not self.bent:
            return fill
        found = fill.copy()
        for rows, outline in self.bent:
            heights, volumes = (100 * np.array(outline)).T
            inside = np.interp(fill[rows], volumes, heights)
            found[rows] = inside + np.maximum(fill[rows] - 100, 0)
        return found

    def points(self, row: int) -> str:
        """Distance in mm and litres for a register; empty where straight."""
        outline = self.outline[row]
        if outline == STRAIGHT:
            return ""
        full, height = 10 * self.head_cm[row], 10 * self.height_cm[row]
        litres = self.volume_l[row]
        return " ".join(
            f"{full + height * (1 - high):.0f}:{litres * much:.1f}"
            for high, much in outline
        )


def make_shapes(scenario: Scenario, seed: int) -> BinShapes:
    """Each bin's shape: the usual one, or by the shares of the others."""
    n, usual = scenario.town.bins, scenario.bin
    kind, outline = ["bin"] * n, list[Outline]([STRAIGHT] * n)
    height, volume = np.full(n, usual.height_cm), np.full(n, usual.volume_l)
    head = np.full(n, usual.head_room_cm)
    drawn, low, bent = RandomStream(seed, "shapes").uniform(n), 0.0, []
    for shape in scenario.shapes.values():
        rows = np.flatnonzero((low <= drawn) & (drawn < low + shape.share))
        low += shape.share
        height[rows], volume[rows] = shape.height_cm, shape.volume_l
        head[rows] = shape.head_room_cm
        for row in rows.tolist():
            kind[row], outline[row] = shape.kind, shape.outline
        if shape.outline != STRAIGHT:
            bent.append((rows, shape.outline))
    columns = height.astype(np.float64), volume.astype(np.float64)
    return BinShapes(
        tuple(kind), *columns, head.astype(np.float64), tuple(outline), tuple(bent)
    )
