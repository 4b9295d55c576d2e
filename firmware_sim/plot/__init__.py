"""Plot one bin: true fill, readings, estimates, emptyings and alerts."""

from firmware_sim.plot.bin_history import BinHistory, read_history
from firmware_sim.plot.picture import PlotError, draw

__all__ = ["BinHistory", "PlotError", "draw", "read_history"]
