"""Firmware as state machines: columns of state, a step, frames out."""
