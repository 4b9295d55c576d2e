"""Plots of the comparison with matplotlib, from the extra `plot`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firmware_sim.reality.compare import TraceGroup

COLOURS = ("#111827", "#0f766e", "#b3261e", "#8e4ec6")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
GRID = np.linspace(0, 1, 101)


def draw(groups: Sequence[TraceGroup], folder: Path) -> list[Path]:
    """Write the plots to `folder` and return their paths; groups[0]: real curves."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "reality"
    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, Callable[[Any, Sequence[TraceGroup]], None]] = {
        "reality-profiles": _profiles,
        "reality-distributions": _distributions,
    }
    return [_save(groups, folder / f"{n}.svg", how) for n, how in pictures.items()]


def _save(
    groups: Sequence[TraceGroup],
    path: Path,
    how: Callable[[Any, Sequence[TraceGroup]], None],
) -> Path:
    from matplotlib import pyplot as plt

    figure, fields = plt.subplots(1, 2, figsize=(9, 3.6))
    how(fields, groups)
    for field in fields:
        field.grid(alpha=0.3)
    fields[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def _style(colour: str, group: TraceGroup, number: int) -> dict[str, Any]:
    label = None if number else group.name
    return {
        "color": colour,
        "label": label,
        "lw": 2.5 if len(group.curve_sets) == 1 else 1,
    }


def _profiles(fields: Any, groups: Sequence[TraceGroup]) -> None:
    for colour, group in zip(COLOURS, groups, strict=False):
        for number, curves in enumerate(group.curve_sets):
            style = _style(colour, group, number)
            fields[0].plot(range(24), curves.profile("day"), **style)
            fields[1].plot(range(7), curves.profile("week"), **style)
    fields[0].set(xlabel="local hour", ylabel="rise over its mean")
    fields[1].set(xlabel="", ylim=(0, None))
    fields[1].set_xticks(range(7), DAYS)


def _distributions(fields: Any, groups: Sequence[TraceGroup]) -> None:
    for colour, group in zip(COLOURS, groups, strict=False):
        for number, curves in enumerate(group.curve_sets):
            style = _style(colour, group, number)
            for field, name in zip(fields, ("rises", "emptied"), strict=True):
                values = curves.pooled(name)
                if len(values):
                    field.plot(np.quantile(values, GRID), GRID, **style)
    fields[0].set(xlabel="rise in 6 h over its mean", xlim=(-3, 9))
    fields[0].set_ylabel("share below")
    fields[1].set(xlabel="size of an emptying, points", xlim=(0, 110))
