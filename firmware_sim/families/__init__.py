"""The bytes of device families, written from the vendors' documents; one file each."""
