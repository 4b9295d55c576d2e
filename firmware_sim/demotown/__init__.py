"""The small town of the demo: some sixty assets, real curves among them."""
