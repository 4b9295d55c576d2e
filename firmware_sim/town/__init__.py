"""Who is in the town: assets and devices as columns, their register, their rounds."""
