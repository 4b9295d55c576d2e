"""Alerts and estimates of a hub against the truth that only the simulator knows."""

from firmware_sim.score.scorecard import Scored, score
from firmware_sim.score.truth import ScoreError

__all__ = ["ScoreError", "Scored", "score"]
