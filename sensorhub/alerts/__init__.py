"""Rules, the state of alerts, muting: decisions as functions of values."""
