"""`rules.toml`: its schema, and the differences between two versions."""
