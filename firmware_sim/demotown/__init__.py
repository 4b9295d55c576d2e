"""The small town of the demo: about sixty assets, some with real fill curves."""
