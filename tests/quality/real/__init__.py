"""The hub's estimates judged on real fill curves: `python -m tests.quality.real`."""
