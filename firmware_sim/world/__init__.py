"""The physical world: pure steps on columns, one row an asset."""
