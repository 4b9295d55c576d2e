"""Scores of a hub's alerts and estimates against the simulator's ground truth."""

from firmware_sim.score.scorecard import score
from firmware_sim.score.truth import ScoreError

__all__ = ["ScoreError", "score"]
