"""Alert rules and the state of alerts: decisions as pure functions of values."""
