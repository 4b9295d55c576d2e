"""The simulation loop of a scenario's town."""

from firmware_sim.simulation.loop import Simulation
from firmware_sim.simulation.step import SimulationStep

__all__ = ["Simulation", "SimulationStep"]
