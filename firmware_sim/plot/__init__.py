"""One picture of one bin: truth, readings, estimates, emptyings, alerts."""

from firmware_sim.plot.bin_history import BinHistory, read_story
from firmware_sim.plot.picture import PlotError, draw

__all__ = ["BinHistory", "PlotError", "draw", "read_story"]
