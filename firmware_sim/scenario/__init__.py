"""Scenarios: all parameters of a simulated town in TOML, validated when loaded."""

from firmware_sim.scenario.load import ScenarioError, builtin_names, load
from firmware_sim.scenario.settings import Scenario

__all__ = ["Scenario", "ScenarioError", "builtin_names", "load"]
