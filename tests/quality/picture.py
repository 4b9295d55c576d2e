"""Precision against lead, as a picture: every point a way to decide."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

Found = Mapping[str, Mapping[str, Any]]
ORACLES = ("oracle due", "oracle 3", "oracle 6", "oracle 12", "oracle 24")
POINTS = {"naive": "o", "median": "s", "hub": "D", "hub and rounds": "*"}


def draw(path: Path, found: Mapping[str, Sequence[Found]]) -> None:
    """One field a preset: G1 upward, G4 to the right; the oracle is a line."""
    plt.rcParams["svg.hashsalt"] = "quality"
    figure, fields = plt.subplots(
        1, len(found), figsize=(4.5 * len(found), 3.6), squeeze=False
    )
    for field, (preset, runs) in zip(fields[0], found.items(), strict=True):
        for who, mark in POINTS.items():
            field.plot(*_place(runs, who), mark, label=who, markersize=8)
        oracles = [who for who in runs[0] if who in ORACLES]
        line = sorted(_place(runs, who) for who in oracles)
        field.plot(
            *([place[axis] for place in line] for axis in (0, 1)),
            "-x",
            color="gray",
            label="oracle",
        )
        field.set(title=preset, xlim=(0, 1), ylim=(0.4, 1.02))
        field.set_xlabel("overflows told 4 h before and more (G4)")
        field.grid(alpha=0.3)
    fields[0][0].set_ylabel("alerts that were due (G1)")
    fields[0][0].legend(fontsize=8, loc="lower left")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def calibration(path: Path, found: Mapping[str, Sequence[Found]]) -> None:
    """Chances of full within 24 h: said to the right, how often it came upward."""
    plt.rcParams["svg.hashsalt"] = "quality"
    figure, field = plt.subplots(figsize=(4.2, 4))
    field.plot((0, 1), (0, 1), color="lightgray")
    for preset, runs in found.items():
        points = [
            (
                mean(_known(runs, f"said_24h_{i}")),
                mean(_known(runs, f"came_24h_{i}")),
            )
            for i in range(10)
            if _known(runs, f"said_24h_{i}")
        ]
        across = [chance for chance, _ in points]
        field.plot(across, [came for _, came in points], "-o", label=preset)
    field.set(xlabel="chance of full within 24 h, as said", ylabel="it came")
    field.grid(alpha=0.3)
    field.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _known(runs: Sequence[Found], score: str) -> list[float]:
    """A score of the hub, told the rounds, in all seeds that have it."""
    values = (run["hub and rounds"].get(score) for run in runs)
    return [value for value in values if value is not None]


def _place(runs: Sequence[Found], who: str) -> tuple[float, float]:
    """Means of G4 and G1 over the seeds that have them."""
    pairs = [(run[who]["G4"], run[who]["G1"]) for run in runs]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not known:
        return float("nan"), float("nan")
    return mean(a for a, _ in known), mean(b for _, b in known)
