"""What the operator sets: sensorhub.toml and the environment."""
