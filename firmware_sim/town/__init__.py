"""The town's assets and devices as columns, its register and its rounds."""
