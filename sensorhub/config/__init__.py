"""Settings of the operator: sensorhub.toml and the environment."""
