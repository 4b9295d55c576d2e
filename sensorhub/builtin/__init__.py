"""Package data: device profiles, standards, sensors; the settings folder overrides."""
