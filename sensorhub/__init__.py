"""sensorhub: readings of bins and toilets in, trusted alerts out."""

__version__ = "0.2.0"
