"""One picture of one bin: truth, readings, estimates, emptyings, alerts."""

from firmware_sim.plot.picture import PlotError, draw
from firmware_sim.plot.story import Story, read_story

__all__ = ["PlotError", "Story", "draw", "read_story"]
