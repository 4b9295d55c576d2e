"""The demo: a broker, a hub and a small town in fast motion."""
