"""Comparison of traces with real fill curves: figures and plots."""

from firmware_sim.reality.command import run
from firmware_sim.reality.curves import distances

__all__ = ["distances", "run"]
