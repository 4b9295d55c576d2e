"""Scenarios: every parameter of a simulated town, in TOML, checked at load."""

from firmware_sim.scenario.load import ScenarioError, builtin_names, load
from firmware_sim.scenario.settings import Scenario

__all__ = ["Scenario", "ScenarioError", "builtin_names", "load"]
