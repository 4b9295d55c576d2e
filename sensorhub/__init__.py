"""sensorhub: readings of bins and toilets in, trusted alerts out."""
