"""Package data: device profiles; overridden by name from the settings folder."""
