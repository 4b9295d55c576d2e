"""A trace's readings beside real fill curves: figures and pictures."""

from firmware_sim.reality.command import run
from firmware_sim.reality.curves import distances

__all__ = ["distances", "run"]
