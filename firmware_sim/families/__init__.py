"""Payload encoders of device families, from the vendors' documents; a file each."""
