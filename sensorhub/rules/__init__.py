"""`rules.toml`: what it may say, and how two versions of it differ."""
