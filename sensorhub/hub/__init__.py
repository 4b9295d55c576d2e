"""A running hub: its threads, its commits, operators' commands, passing time."""
