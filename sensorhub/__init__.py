"""sensorhub: readings of bins and toilets in, trusted alerts out."""

__version__ = "0.1.0"
