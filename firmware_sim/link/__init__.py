"""The way from a sensor to the broker: what is lost, doubled, late, and why."""
