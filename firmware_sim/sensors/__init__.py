"""Sensors: measured values from true ones, with the errors of a scenario."""
