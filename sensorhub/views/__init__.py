"""Read-only queries for people and programs."""
