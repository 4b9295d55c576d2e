"""One picture of one bin: truth, readings, estimates, emptyings, alerts."""

from firmware_sim.plot.picture import PlotError, draw
from firmware_sim.plot.story import BinHistory, read_story

__all__ = ["BinHistory", "PlotError", "draw", "read_story"]
