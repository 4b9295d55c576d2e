"""How good alerts and estimates are against the simulator's truth: `make quality`."""
